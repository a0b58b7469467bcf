import { sessionEndMs } from '../access/sessions.js';
import type { ApiCall, ApiContext } from '../api-context.js';
import { liveBacklogBytesMax } from '../http-limits.js';

/** A stream of server-sent events that ends when the caller goes, or when it does not read. */
export function liveResponse({ live, access, system }: ApiContext, call: ApiCall): Response {
  const encoder = new TextEncoder();
  let stop: () => void = () => undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let isEnded = false;
        const end = (): void => {
          if (isEnded) return;
          isEnded = true;
          stop();
          controller.close();
        };
        const unwatch = live.watch({
          lastEventId: call.lastEventId,
          send(text) {
            if (isEnded) return;
            // A session that has ended since must not go on watching.
            if (!isStillIn(access, call, system.nowMs())) return end();
            controller.enqueue(encoder.encode(text));
            if ((controller.desiredSize ?? 0) < 0) end();
          },
        });
        stop = unwatch;
        call.signal.addEventListener('abort', end, { once: true });
        if (call.signal.aborted) end();
      },
      cancel: () => stop(),
    },
    { highWaterMark: liveBacklogBytesMax, size: (chunk) => chunk?.byteLength ?? 0 },
  );
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
  });
}

function isStillIn({ records }: ApiContext['access'], { caller }: ApiCall, nowMs: number): boolean {
  if (caller.kind === 'user')
    return (
      records.sessions.some((session) => session.id === caller.sessionId && sessionEndMs(session) > nowMs) &&
      records.users.some(({ id, isDisabled }) => id === caller.userId && !isDisabled)
    );
  return (
    caller.kind === 'token' &&
    records.tokens.some(({ id, expiresAtMs }) => id === caller.tokenId && (expiresAtMs === null || expiresAtMs > nowMs))
  );
}
