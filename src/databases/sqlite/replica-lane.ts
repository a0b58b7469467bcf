/** Runs one thing after the other, in the order in which they were asked for. A failure is the asker's alone. */
export interface Lane {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** True while something runs or waits. */
  readonly isBusy: boolean;
}

export function createLane(): Lane {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    async run(work) {
      waiting++;
      const before = last;
      const own = before.then(work, work);
      last = own;
      try {
        return await own;
      } finally {
        waiting--;
      }
    },
    get isBusy() {
      return waiting > 0;
    },
  };
}
