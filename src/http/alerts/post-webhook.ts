import type { AlertMessage } from './alert-message.js';

/** Rejects when it was not answered with a status of 200 to 299 in time. */
export async function postWebhook(url: string, message: AlertMessage, timeoutMs: number): Promise<null> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  return null;
}
