/** The memory link keeps the contract of channels, and does to frames what its maker asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRealSystem } from '../../system/real-system.js';
import { createVirtualSystem } from '../../../test/model-replica/virtual-system.js';
import { acceptChannels } from '../transport.acceptance.js';
import { createMemoryLink } from './memory-link.js';

acceptChannels('memory', async () => {
  const { channels } = createMemoryLink({ system: createRealSystem(), delayMs: () => 1 });
  return { channels, end: async () => channels[0].close('end of test') };
});

test('frames take the delay that was asked for, and never overtake each other', async () => {
  const system = createVirtualSystem();
  const delays = [50, 1];
  const { channels } = createMemoryLink({ system, delayMs: () => delays.shift() ?? 0 });
  const arrivals: (readonly [number, number | undefined])[] = [];
  channels[1].listen({
    onFrame: (frame) => arrivals.push([system.monotonicMs(), frame[0]]),
    onDrain: () => undefined,
    onClose: () => undefined,
  });
  channels[0].send(Uint8Array.of(1));
  channels[0].send(Uint8Array.of(2));
  await system.run(100);
  assert.deepEqual(arrivals, [
    [50, 1],
    [50, 2],
  ]);
});

test('a cut ends both sides and loses what is under way; silence tells nobody', async () => {
  const system = createVirtualSystem();
  const heard: string[] = [];
  const open = (): ReturnType<typeof createMemoryLink> => {
    const link = createMemoryLink({ system, delayMs: () => 10 });
    for (const [at, channel] of link.channels.entries()) {
      channel.listen({
        onFrame: () => heard.push(`frame at ${at}`),
        onDrain: () => undefined,
        onClose: (reason) => heard.push(`${reason} at ${at}`),
      });
    }
    return link;
  };
  const link = open();
  link.channels[0].send(Uint8Array.of(1));
  await system.run(5);
  link.cut('pulled');
  await system.run(100);
  assert.deepEqual(heard.splice(0), ['pulled at 0', 'pulled at 1']);
  const silent = open();
  silent.silence(0);
  silent.channels[0].send(Uint8Array.of(1));
  silent.channels[1].send(Uint8Array.of(1));
  await system.run(100);
  assert.deepEqual(heard, ['frame at 0']);
});
