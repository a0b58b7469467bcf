/** Unix milliseconds as UTC text. A time that no date can hold is the last one that can. */
export const isoTime = (ms: number): string =>
  new Date(Math.min(Math.max(Math.trunc(ms), -62_135_596_800_000), 253_402_300_799_999)).toISOString();

export const optionalIsoTime = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));

/** Text without a zone is UTC, as older clients mean it. Null for what is no time. */
export function msOfIsoTime(text: string): number | null {
  const hasZone = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !/T|\s\d/.test(text);
  const ms = Date.parse(hasZone ? text : `${text.replace(' ', 'T')}Z`);
  return Number.isNaN(ms) ? null : ms;
}
