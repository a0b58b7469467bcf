import { Worker } from 'node:worker_threads';
import { freePort } from '../src/cli/demo/demo-server.js';

/** Passes connections on and counts every byte that goes through, in both directions. */
export interface CountingRelay {
  readonly port: number;
  readonly bytes: number;
  close(): Promise<void>;
}

export async function createCountingRelay(targetPort: number): Promise<CountingRelay> {
  const port = await freePort();
  const counter = new SharedArrayBuffer(8);
  const worker = new Worker(new URL('./counting-relay-worker.js', import.meta.url), {
    workerData: { targetPort, port, counter },
  });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    port,
    get bytes() {
      return Number(Atomics.load(new BigInt64Array(counter), 0));
    },
    async close() {
      await worker.terminate();
    },
  };
}
