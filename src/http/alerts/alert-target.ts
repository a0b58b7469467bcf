import type { AlertsConfig } from '../../config/config.js';
import { errorMessageOf } from '../../core/sync-error.js';
import type { System } from '../../system/system.js';
import { alertQueueMax, alertRetryMs } from '../http-limits.js';
import type { AlertMessage } from './alert-message.js';
import { postWebhook } from './post-webhook.js';
import { sendMail } from './send-mail.js';

/** One place where problems are told. What cannot be delivered waits, in its order, and is tried again. */
export interface AlertTarget {
  readonly kind: 'webhook' | 'email';
  readonly to: string;
  /** Sends what waits and this behind it. Never rejects. */
  tell(messages: readonly AlertMessage[]): Promise<void>;
  /** Sends this alone, now, and says what became of it. */
  test(message: AlertMessage): Promise<Delivery>;
  read(): TargetReading;
}

export interface Delivery {
  readonly kind: string;
  readonly to: string;
  readonly ok: boolean;
  readonly error: string | null;
}

export interface TargetReading {
  readonly sent: number;
  readonly waiting: number;
  readonly lastSentMs: number | null;
  readonly lastError: string | null;
}

interface TargetOptions extends Pick<AlertTarget, 'kind' | 'to'> {
  readonly system: System;
  /** Rejects when it was not taken; resolves with what is wrong although it was. */
  readonly send: (message: AlertMessage) => Promise<string | null>;
}

export function alertTargets(
  { webhooks, email }: AlertsConfig,
  { system, timeoutMs }: { readonly system: System; readonly timeoutMs: number },
): readonly AlertTarget[] {
  const hooks = webhooks.map((url) =>
    createTarget({
      ...{ kind: 'webhook', system, send: (message) => postWebhook(url, message, timeoutMs) },
      // Paths and queries of webhooks are their secrets.
      to: new URL(url).origin,
    }),
  );
  if (!email) return hooks;
  const send = (message: AlertMessage): Promise<string | null> => sendMail(email, message, timeoutMs);
  return [...hooks, createTarget({ kind: 'email', to: email.to.join(', '), system, send })];
}

function createTarget({ kind, to, system, send }: TargetOptions): AlertTarget {
  let queue: readonly AlertMessage[] = [];
  let [sent, isSending] = [0, false];
  let [lastSentMs, lastError]: [number | null, string | null] = [null, null];
  let notBeforeMs = -Infinity;
  const deliver = async (
    message: AlertMessage,
  ): Promise<{ readonly isTaken: boolean; readonly delivery: Delivery }> => {
    const { isTaken, error } = await send(message).then(
      (warning) => ({ isTaken: true, error: warning }),
      (failure: unknown) => ({ isTaken: false, error: reasonOf(failure) }),
    );
    lastError = error;
    if (isTaken) [sent, lastSentMs, notBeforeMs] = [sent + 1, system.nowMs(), -Infinity];
    else notBeforeMs = system.monotonicMs() + alertRetryMs;
    return { isTaken, delivery: { kind, to, ok: error === null, error } };
  };
  return {
    kind,
    to,
    async tell(messages) {
      // Of more than it can hold, the newest: they tell how it stands.
      queue = [...queue, ...messages].slice(-alertQueueMax);
      if (isSending || system.monotonicMs() < notBeforeMs) return;
      isSending = true;
      for (let next = queue[0]; next; next = queue[0]) {
        if (!(await deliver(next)).isTaken) break;
        queue = queue.filter((each) => each !== next);
      }
      isSending = false;
    },
    test: async (message) => (await deliver(message)).delivery,
    read: () => ({ sent, waiting: queue.length, lastSentMs, lastError }),
  };
}

/** `fetch` says why only in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return `${errorMessageOf(error)}${why}`;
}
