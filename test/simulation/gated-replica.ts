import type { Replica } from '../../src/databases/replica.js';
import type { KillSwitch } from './simulated-sqlite.js';
import type { SimulatedProcess } from './simulated-system.js';
import type { VirtualTime } from './virtual-time.js';
import { fail, type FailingWorld } from './world.js';

/** Passes an answer on, unless nobody can give it any more. */
export type Gate = <T>(work: Promise<T>) => Promise<T>;

const callsAtOnceMax = 5_000;

/** A dead process never answers: what waits for it waits for ever. Nor does one that is asked without end. */
export function createGate(
  world: FailingWorld & { readonly time: VirtualTime },
  name: string,
  given: { killSwitch: KillSwitch; process: SimulatedProcess },
): Gate {
  const { killSwitch, process } = given;
  let callsNow = 0;
  let lastMs = -1;
  return async <T>(work: Promise<T>): Promise<T> => {
    callsNow = world.time.nowMs() === lastMs ? callsNow + 1 : 0;
    lastMs = world.time.nowMs();
    try {
      const result = await work;
      if (callsNow > callsAtOnceMax)
        fail(world, 'ENDLESS', `${name} is asked more than ${callsAtOnceMax} times at once`);
      if (killSwitch.isGone || process.isDead() || callsNow > callsAtOnceMax) return await never<T>();
      return result;
    } catch (error) {
      if (killSwitch.isGone || process.isDead()) return await never<T>();
      throw error;
    }
  };
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** Every call of a replica through the gate. */
export function gatedReplica(inner: Replica, gate: Gate): Replica {
  return {
    dataset: inner.dataset,
    onHint: (listener) => inner.onHint(listener),
    open: (opening) => gate(inner.open(opening)),
    drain: () => gate(inner.drain()),
    position: () => gate(inner.position()),
    readJournal: (request) => gate(inner.readJournal(request)),
    merge: (parts) => gate(inner.merge(parts)),
    flush: () => gate(inner.flush()),
    openSnapshot: async () => {
      const reader = await gate(inner.openSnapshot());
      return {
        vector: reader.vector,
        rows: reader.rows,
        next: () => gate(reader.next()),
        close: () => gate(reader.close()),
      };
    },
    receiveSnapshot: async (vector) => {
      const writer = await gate(inner.receiveSnapshot(vector));
      return {
        add: (chunk) => gate(writer.add(chunk)),
        preview: () => gate(writer.preview()),
        finish: (choice) => gate(choice === undefined ? writer.finish() : writer.finish(choice)),
        abort: () => gate(writer.abort()),
      };
    },
    proof: () => gate(inner.proof()),
    audit: (table) => gate(table === undefined ? inner.audit() : inner.audit(table)),
    bucketSums: (request) => gate(inner.bucketSums(request)),
    bucketRows: (request) => gate(inner.bucketRows(request)),
    prune: (request) => gate(inner.prune(request)),
    newEpoch: (reason) => gate(inner.newEpoch(reason)),
    history: (origin) => gate(inner.history(origin)),
    cutBranch: (origin, theirs) => gate(inner.cutBranch(origin, theirs)),
    setHeirs: (heirs) => gate(inner.setHeirs(heirs)),
    setNumberLane: (lane) => gate(inner.setNumberLane(lane)),
    tables: () => gate(inner.tables()),
    conflicts: (request) => gate(inner.conflicts(request)),
    conflictsForgotten: () => gate(inner.conflictsForgotten()),
    forgetConflicts: (foundBeforeMs) => gate(inner.forgetConflicts(foundBeforeMs)),
    restoreConflict: (id) => gate(inner.restoreConflict(id)),
    quarantine: (request) => gate(inner.quarantine(request)),
    retryHeld: () => gate(inner.retryHeld()),
    dropHeld: (id) => gate(inner.dropHeld(id)),
    rowHistory: (request) => gate(inner.rowHistory(request)),
    undo: (request, signal) => gate(inner.undo(request, signal)),
    recentChanges: (request) => gate(inner.recentChanges(request)),
    applyWrites: (writes) => gate(inner.applyWrites(writes)),
    close: () => inner.close(),
  };
}
