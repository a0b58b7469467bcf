import { createHash } from 'node:crypto';

/** Everything that happens in a run, in order. Two runs of one plan must give one hash. */
export interface Trace {
  line(text: string): void;
  hash(): string;
}

export function createTrace(nowMs: () => number, print?: (text: string) => void): Trace {
  const hash = createHash('sha256');
  return {
    line: (text) => {
      const stamped = `${nowMs()} ${text}`;
      hash.update(stamped).update('\n');
      print?.(stamped);
    },
    hash: () => hash.copy().digest('hex').slice(0, 16),
  };
}
