import type { ControlClient } from '../engine/control-contract.js';
import type { CommandContext } from './command-context.js';

export type Call = ControlClient['call'];

/** Asks the running engine; the connection is closed afterwards. */
export async function withEngine(context: CommandContext, work: (call: Call) => Promise<void>): Promise<void> {
  const client = await context.connect();
  try {
    await work(client.call.bind(client));
  } finally {
    client.close();
  }
}
