/** Throws when a promise does not hold. The first word of `what` names the promise. */
export function check(condition: boolean, what: string, detail: () => string = () => ''): asserts condition {
  if (!condition) throw new Error(`${what} ${detail()}`);
}
