/** The only door to clock, random and timers. Real in a server, simulated in the simulation. */
export interface System {
  /** Wall clock, unix milliseconds. May jump. */
  nowMs(): number;
  /** Never goes back; for durations and time-outs only. */
  monotonicMs(): number;
  randomBytes(count: number): Uint8Array;
  /** Calls once after the time. The returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
  /** Lets what waits in this thread run before long work goes on. */
  pause(): Promise<void>;
}
