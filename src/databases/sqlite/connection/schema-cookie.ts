import type { ReplicaContext } from '../stores/replica-context.js';
import { readCookie } from '../schema/schema-reader.js';

/**
 * Whether the schema is another one than the stores stand on. To be asked at the start of every transaction: when it
 * moved, leave the transaction and let `followSchema` of `schema-change.ts` run first. Costs one read of page 1.
 */
export const hasSchemaMoved = (context: ReplicaContext): boolean =>
  readCookie(context.connection) !== context.meta.number('cookie');
