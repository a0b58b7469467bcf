export interface DialDelay {
  /** Attempts that failed in a row; 0 dials at once. */
  readonly failures: number;
  /** From 0 (included) to 1 (not included). */
  readonly random: number;
  readonly firstMs?: number;
  readonly maxMs?: number;
}

/**
 * How long to wait before dialling again: doubles up to `maxMs`, of which the upper half is random, so that servers
 * that lost the same link do not come back at the same moment.
 */
export function dialDelayMs({ failures, random, firstMs = 250, maxMs = 30_000 }: DialDelay): number {
  if (failures <= 0) return 0;
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
