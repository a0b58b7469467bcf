import { copyDatabase } from './simulated-sqlite.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

/** A copy of a server's database, with the point of the ledger at which it was taken. */
export interface Image {
  readonly path: string;
  readonly mark: number;
  /** How many schema changes the application had made. */
  readonly changes: number;
}

export function takeImage(world: World, server: VirtualServer, name: string): Image {
  const path = `${world.folder}/s${server.index}.${name}.db`;
  copyDatabase(server.path, path);
  return { path, mark: world.ledger.mark(), changes: server.changes.length };
}
