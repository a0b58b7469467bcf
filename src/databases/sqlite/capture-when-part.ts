import { captureEverything, type Captured } from './capture/capture-everything.js';
import { nothingDrained } from './capture/drain.js';
import { landingSnapshot } from './merge/landing-marker.js';
import { isFresh } from './stores/is-fresh.js';
import type { Merging, ReplicaContext } from './stores/replica-context.js';
import { whenFree } from './stores/store-transaction.js';

/**
 * Captures, but not in a replica that is no part of its dataset yet: its rows are compared when it joins or founds one,
 * and as its own changes they would stand against the group's unasked. For whatever is not a drain. A first snapshot that
 * was cut off goes on.
 */
export async function captureWhenPart(context: ReplicaContext, merging: Merging): Promise<Captured> {
  if (await whenFree(context.system, () => isOutside(context)))
    return { ...nothingDrained, schemaChanged: false, hasMore: false };
  return captureEverything(context, merging);
}

/** Whether the replica has no part in its dataset, and takes none just now. */
export const isOutside = (context: ReplicaContext): boolean => isFresh(context) && landingSnapshot(context) === null;
