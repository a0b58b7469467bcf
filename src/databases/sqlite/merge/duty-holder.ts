import type { Heirs } from '../../../core/heirs.js';
import { serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { addPendingSettle } from './tables-to-settle.js';

/** Whether this server makes permanent what is provisional about a row or a reference of `origin` (rule R8). */
export function isDutyHere({ meta, identity }: ReplicaContext, origin: OriginId): boolean {
  const server = serverIdOfOrigin(origin);
  const holder = heirsIn(meta.text('heirs'))[server] ?? server;
  return holder === identity.server;
}

/**
 * Keeps who confirms for removed servers. All that is provisional is looked at again when nothing else is pending; that
 * is remembered in the same transaction, so that a crash forgets no duty. False when they were known.
 */
export function takeHeirs(context: ReplicaContext, heirs: Heirs): boolean {
  const text =
    heirs.size === 0 ? null : JSON.stringify(Object.fromEntries([...heirs].toSorted(([a], [b]) => (a < b ? -1 : 1))));
  if (context.meta.text('heirs') === text) return false;
  context.meta.set('heirs', text);
  // While it is part of no dataset yet, nothing can be provisional.
  if (context.origins.vector().size > 0) addPendingSettle(context, context.tables.all());
  return true;
}

function heirsIn(text: string | null): Readonly<Record<string, string | undefined>> {
  return text === null ? {} : (JSON.parse(text) as Record<string, string>);
}
