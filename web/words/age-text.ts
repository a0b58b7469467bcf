/** How long something takes or is past, as people say it: `12 s`, `8 min`, `3 h`, `4 days`. */
export function ageText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function agoText(ms: number): string {
  if (ms < -2_000) return `in ${ageText(-ms)}`;
  return ms < 2_000 ? 'just now' : `${ageText(ms)} ago`;
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export const clockText = (atMs: number): string => clockFormat.format(atMs);
export const dayText = (atMs: number): string => dayFormat.format(atMs);
