/** One line of the doctor's report. Everything but `ok` says what to do. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  /** What was looked at: `Node.js`, `dataset shop`, `server pit-3`. */
  readonly subject: string;
  readonly text: string;
  readonly nextStep: string;
}

export const ok = (subject: string, text: string): Finding => ({ level: 'ok', subject, text, nextStep: '' });
export const warn = (subject: string, text: string, nextStep: string): Finding => ({
  level: 'warn',
  subject,
  text,
  nextStep,
});
export const fail = (subject: string, text: string, nextStep: string): Finding => ({
  level: 'fail',
  subject,
  text,
  nextStep,
});
