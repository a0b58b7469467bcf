import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

export function startSessions(world: World, a: VirtualServer, b: VirtualServer): void {
  throw new Error(`${world.plan.seed} ${a.index} ${b.index}`);
}
