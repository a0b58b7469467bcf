/** A thread of its own, so that the relay goes on while its maker waits for commands. */
import { connect, createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { targetPort, port, counter } = workerData as { targetPort: number; port: number; counter: SharedArrayBuffer };
const bytes = new BigInt64Array(counter);

function pass(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('data', (chunk: Buffer) => {
    Atomics.add(bytes, 0, BigInt(chunk.length));
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
}

const server = createServer((incoming) => {
  const outgoing = connect(targetPort, '127.0.0.1');
  pass(incoming, outgoing);
  pass(outgoing, incoming);
});
server.listen(port, '127.0.0.1', () => parentPort?.postMessage('ready', []));
