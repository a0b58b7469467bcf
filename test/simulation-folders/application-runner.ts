/** Lets applications act: at their time, and now and then in the middle of what the engine does. */
import { createRandom } from '../simulation/random.js';
import { keepers, randomAct, type Act, type Application } from './application.js';
import type { VirtualFolderServer } from './folder-server.js';
import type { FolderWorld } from './folder-world.js';
import { entriesBelow, hashOf } from './tree.js';

export function edit(world: FolderWorld, server: VirtualFolderServer, seed: number): void {
  world.edits++;
  goOn(world, server, randomAct(applicationOf(world, server, seed), world.plan.options.mischief));
}

function applicationOf(world: FolderWorld, server: VirtualFolderServer, seed: number): Application {
  const random = createRandom(seed);
  return {
    disk: server.disk,
    root: '/srv/files',
    folder: server.root,
    random,
    fresh() {
      const head = `content ${++world.contents} of s${server.index}\n`;
      return Buffer.from(head + 'x'.repeat(random.pick([0, 0, 20, 200])));
    },
    touch: (path) => touch(world, server, path),
  };
}

/** What stands at the path from now on may be by somebody on this server. */
export function touch(world: FolderWorld, server: VirtualFolderServer, path: string): void {
  world.trace.line(`s${server.index} touches ${path}`);
  for (const touched of [world.touched, world.everTouched])
    touched.set(path, (touched.get(path) ?? new Set()).add(server.index));
}

/** The act up to its next wait. An application whose file was taken away, or whose disk is full, gives up. */
function goOn(world: FolderWorld, server: VirtualFolderServer, act: Act): void {
  const { powerLosses } = server;
  const before = server.actor;
  server.actor = 'application';
  try {
    const { done, value } = act.next();
    if (done !== true)
      world.time.after(value, () => {
        if (world.failure === null && server.powerLosses === powerLosses) goOn(world, server, act);
      });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    world.trace.line(`s${server.index} application: ${error.message}`);
  } finally {
    server.actor = before;
  }
}

/** Between a look and the act that it is for there is always a moment: it is one act long, and not judged. */
const adjacent = new Set(['rename', 'unlink', 'link', 'chmod', 'fchmod', 'futimes']);

export function interleave(world: FolderWorld, server: VirtualFolderServer, call: string): void {
  const { interleaving } = world.plan.options;
  if (world.interleavingLeft <= 0 || world.isHealing || adjacent.has(call) || !world.random.chance(interleaving))
    return;
  world.interleavingLeft--;
  edit(world, server, world.random.next());
}

/** What every run begins with: the same on all servers, or on one of them. */
export function furnish(world: FolderWorld, server: VirtualFolderServer): void {
  for (const path of keepers) {
    const handle = server.disk.open(`/srv/files/${path}`, 0o101, 0o644);
    server.disk.write(handle, Buffer.from(path), 0);
    server.disk.sync(handle);
    server.disk.close(handle);
  }
  syncAll(server);
  for (const { node } of entriesBelow(server.root)) if (node.kind === 'file') world.visible.add(hashOf(node.bytes));
}

function syncAll({ fs, root }: VirtualFolderServer): void {
  fs.sync(fs.top);
  const [srv] = [...fs.top.entries.values()].filter(({ name }) => name === 'srv');
  if (srv) fs.sync(srv.node);
  fs.sync(root);
  for (const { node } of entriesBelow(root)) fs.sync(node);
}

/** After a power loss what is left on the disk is what applications find there. */
export function noteLeft(world: FolderWorld, server: VirtualFolderServer): void {
  server.visibleSince.clear();
  for (const { node } of entriesBelow(server.root)) {
    if (node.kind !== 'file') continue;
    world.visible.add(hashOf(node.bytes));
    world.fleeting.delete(hashOf(node.bytes));
  }
}
