import { SyncError } from '../core/sync-error.js';

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time in the past as people type it: `90m`, `2h`, `3d`, or a date with or without a time. Milliseconds. */
export function sinceMs(text: string, nowMs: number): number {
  const span = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text.trim());
  const ms = span ? nowMs - Number(span[1]) * (unitMs[span[2] ?? ''] ?? 0) : Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  throw new SyncError('USYNC-1103', `"${text}" is not a time.`, {
    nextStep: 'Write how long ago (90m, 2h, 3d) or a date (2026-05-01, 2026-05-01T14:30).',
  });
}
