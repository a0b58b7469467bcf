/** Tells people outside of problems that last: a message when one begins, and one when it has ended. */
import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import type { AlertsConfig, Config, EmailConfig } from '../config/config.js';
import { errorMessageOf } from '../core/sync-error.js';
import type { Problem } from '../observe/problem.js';
import type { System } from '../system/system.js';
import type { Alerts as AlertsAnswer } from './contract/settings-routes.js';
import { alertTimeoutMs } from './http-limits.js';
import { isoTime, optionalIsoTime } from './iso-time.js';
import type { StatusReader } from './status-reader.js';

export interface Alerts {
  read(): AlertsAnswer;
  /** One result a target. */
  test(): Promise<readonly Delivery[]>;
  close(): void;
}

export interface Delivery {
  readonly kind: string;
  readonly to: string;
  readonly ok: boolean;
  readonly error: string | null;
}

export interface AlertMessage {
  readonly kind: 'begun' | 'ended' | 'test';
  readonly server: string;
  readonly at: string;
  readonly code: string;
  readonly subject: string;
  readonly reason: string;
  readonly next_step: string;
}

interface Target {
  readonly kind: 'webhook' | 'email';
  readonly to: string;
  readonly send: (message: AlertMessage) => Promise<void>;
  sent: number;
  lastSentMs: number | null;
  lastError: string | null;
}

interface Watched {
  readonly problem: Problem;
  readonly sinceMs: number;
  /** Monotonic: a clock that is set makes no problem last. */
  readonly firstMs: number;
  readonly isTold: boolean;
}

export interface AlertsOptions {
  readonly config: Config;
  readonly system: System;
  readonly status: StatusReader;
  readonly lookEveryMs?: number;
}

export function startAlerts({ config, system, status, lookEveryMs = 5_000 }: AlertsOptions): Alerts {
  const targets = targetsOf(config.alerts);
  const watched = new Map<string, Watched>();
  let cancel: (() => void) | null = null;
  let isClosed = false;
  const tell = (kind: AlertMessage['kind'], problem: Problem): Promise<readonly Delivery[]> =>
    deliver(targets, system, messageOf(kind, problem, { server: config.name, atMs: system.nowMs() }));
  const look = async (): Promise<void> => {
    const { problems } = (await status.read()).status;
    for (const { kind, problem } of changesOf(watched, problems, {
      system,
      afterMs: config.alerts.afterSeconds * 1_000,
    }))
      await tell(kind, problem);
  };
  const tick = (): void => {
    if (isClosed) return;
    cancel = system.after(lookEveryMs, () => {
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
      targets: targets.map(({ kind, to, sent, lastSentMs, lastError }) => ({
        ...{ kind, to, sent },
        last_sent: optionalIsoTime(lastSentMs),
        last_error: lastError,
      })),
    }),
    test: () => tell('test', testProblem(system.nowMs())),
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

interface Change {
  readonly kind: 'begun' | 'ended';
  readonly problem: Problem;
}

/** A problem that comes and goes within the time is never told, nor is its end. */
function changesOf(
  watched: Map<string, Watched>,
  problems: readonly Problem[],
  { system, afterMs }: { readonly system: System; readonly afterMs: number },
): Change[] {
  const nowMs = system.monotonicMs();
  const changes: Change[] = [];
  const present = new Set<string>();
  for (const problem of problems) {
    const name = `${problem.code} ${problem.subject}`;
    present.add(name);
    const known = watched.get(name) ?? { problem, sinceMs: system.nowMs(), firstMs: nowMs, isTold: false };
    const isDue = !known.isTold && nowMs - known.firstMs >= afterMs;
    watched.set(name, { ...known, problem, isTold: known.isTold || isDue });
    if (isDue) changes.push({ kind: 'begun', problem });
  }
  for (const [name, { problem, isTold }] of watched) {
    if (present.has(name)) continue;
    watched.delete(name);
    if (isTold) changes.push({ kind: 'ended', problem });
  }
  return changes;
}

const messageOf = (
  kind: AlertMessage['kind'],
  { code, subject, reason, nextStep }: Problem,
  { server, atMs }: { readonly server: string; readonly atMs: number },
): AlertMessage => ({ kind, server, at: isoTime(atMs), code, subject, reason, next_step: nextStep });

async function deliver(targets: readonly Target[], system: System, message: AlertMessage): Promise<Delivery[]> {
  return Promise.all(
    targets.map(async (target): Promise<Delivery> => {
      const { kind, to } = target;
      try {
        await target.send(message);
        target.sent += 1;
        target.lastSentMs = system.nowMs();
        target.lastError = null;
        return { kind, to, ok: true, error: null };
      } catch (error) {
        target.lastError = errorMessageOf(error);
        return { kind, to, ok: false, error: target.lastError };
      }
    }),
  );
}

function targetsOf({ webhooks, email }: AlertsConfig): Target[] {
  const counts = { sent: 0, lastSentMs: null, lastError: null };
  const hooks = webhooks.map((url): Target => ({
    kind: 'webhook',
    to: shownUrl(url),
    send: (message) => post(url, message),
    ...counts,
  }));
  if (!email) return hooks;
  return [...hooks, { kind: 'email', to: email.to.join(', '), send: (message) => mail(email, message), ...counts }];
}

/** Paths and queries of webhooks are their secrets. */
const shownUrl = (url: string): string => new URL(url).origin;

async function post(url: string, message: AlertMessage): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
    redirect: 'error',
    signal: AbortSignal.timeout(alertTimeoutMs),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
}

async function mail({ server, from, to, user, passwordFile }: EmailConfig, message: AlertMessage): Promise<void> {
  const { protocol, hostname, port } = new URL(server);
  const isSecure = protocol === 'smtps:';
  const transport = createTransport({
    host: hostname,
    port: port === '' ? (isSecure ? 465 : 587) : Number(port),
    secure: isSecure,
    connectionTimeout: alertTimeoutMs,
    greetingTimeout: alertTimeoutMs,
    socketTimeout: alertTimeoutMs,
    ...(user !== undefined && {
      auth: { user, pass: passwordFile === undefined ? '' : (await readFile(passwordFile, 'utf8')).trim() },
    }),
  });
  try {
    await transport.sendMail({ from, to: [...to], subject: subjectOf(message), text: textOf(message) });
  } finally {
    transport.close();
  }
}

const words = { begun: 'problem', ended: 'solved', test: 'test' } as const;

/** Names come from other people's data: a line end would begin another header. */
const subjectOf = ({ kind, server, subject }: AlertMessage): string =>
  `[usync ${server}] ${words[kind]}: ${subject}`.replaceAll(/\p{Cc}/gu, ' ').slice(0, 200);

const textOf = ({ kind, server, at, code, subject, reason, next_step }: AlertMessage): string =>
  [
    kind === 'ended' ? `This has ended on server ${server}:` : `On server ${server}:`,
    '',
    `${subject}: ${reason}`,
    ...(kind === 'ended' ? [] : [next_step]),
    '',
    `${code}, ${at}`,
    '',
  ].join('\n');
