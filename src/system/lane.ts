/** Runs pieces of work one after the other, in the order in which they were asked for. A piece must not wait for a later one. */
export type Lane = <T>(work: () => Promise<T>) => Promise<T>;

export function createLane(): Lane {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    // A failure is told to who asked; the next one does not inherit it.
    last = done.catch(() => undefined);
    return done;
  };
}
