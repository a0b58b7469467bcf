/** Tells people outside of problems that last: a message when one begins, and one when it has ended. */
import type { Config } from '../../config/config.js';
import type { Problem } from '../../observe/problem.js';
import type { System } from '../../system/system.js';
import type { Alerts as AlertsAnswer } from '../contract/settings-routes.js';
import { alertLookMs, alertTimeoutMs } from '../http-limits.js';
import { isoTime, optionalIsoTime } from '../iso-time.js';
import type { StatusReader } from '../status-reader.js';
import { alertMessage } from './alert-message.js';
import { alertTargets, type Delivery } from './alert-target.js';
import { problemChanges, type Watched } from './problem-changes.js';

export interface Alerts {
  read(): AlertsAnswer;
  /** One result a target. */
  test(): Promise<readonly Delivery[]>;
  close(): void;
}

export interface AlertsOptions {
  readonly config: Config;
  readonly system: System;
  readonly status: Pick<StatusReader, 'read'>;
  readonly timeoutMs?: number;
}

export function startAlerts({ config, system, status, timeoutMs = alertTimeoutMs }: AlertsOptions): Alerts {
  const targets = alertTargets(config.alerts, { system, timeoutMs });
  const watched = new Map<string, Watched>();
  let cancel: (() => void) | null = null;
  let isClosed = false;
  const look = async (): Promise<void> => {
    const { problems } = (await status.read()).status;
    const changes = problemChanges(watched, problems, { system, afterMs: config.alerts.afterSeconds * 1_000 });
    const about = { server: config.name, atMs: system.nowMs() };
    const messages = changes.map(({ kind, problem }) => alertMessage(kind, problem, about));
    // One that does not answer must hold up neither the others nor the next look.
    for (const target of targets) void target.tell(messages);
  };
  const tick = (): void => {
    if (isClosed) return;
    cancel = system.after(alertLookMs, () => {
      // What cannot be looked at now is looked at again.
      void look()
        .catch(() => undefined)
        .finally(tick);
    });
  };
  if (targets.length > 0) tick();
  return {
    read: () => ({
      rules: [...watched.values()].map(({ problem, sinceMs, isTold }) => ({
        name: `${problem.code} ${problem.subject}`,
        text: problem.reason,
        state: isTold ? ('firing' as const) : ('quiet' as const),
        since: isoTime(sinceMs),
      })),
      targets: targets.map((target) => {
        const { sent, waiting, lastSentMs, lastError } = target.read();
        const last_sent = optionalIsoTime(lastSentMs);
        return { kind: target.kind, to: target.to, sent, waiting, last_sent, last_error: lastError };
      }),
    }),
    test: () => {
      const message = alertMessage('test', testProblem(system.nowMs()), { server: config.name, atMs: system.nowMs() });
      return Promise.all(targets.map((target) => target.test(message)));
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

const testProblem = (sinceMs: number): Problem => ({
  code: 'USYNC-1001',
  subject: 'alerts',
  level: 'warn',
  reason: 'This is a test: nothing is wrong.',
  nextStep: 'Nothing to do.',
  sinceMs,
  count: 1,
});
