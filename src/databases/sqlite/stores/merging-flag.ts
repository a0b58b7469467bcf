import type { AppTrigger } from '../schema/discovered-table.js';
import { quoteName } from '../connection/identifiers.js';
import type { ReplicaContext } from './replica-context.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { readCookie } from '../schema/schema-reader.js';

const silenced = new WeakMap<ReplicaContext, readonly AppTrigger[]>();

/**
 * Switches the triggers of capture off and on, inside a transaction: no other connection ever sees the flag raised.
 *
 * Triggers of the application that write into tables that are synced are taken away for the same time: what they wrote
 * at the origin arrives by itself, and would be there twice. Those that write elsewhere (a full-text index) stay.
 */
export function raiseFlag(context: ReplicaContext, isMerging: boolean): void {
  if (isMerging) silence(context);
  context.connection.cached('UPDATE _usync_merging SET merging = ?').run(isMerging ? 1n : 0n);
  if (!isMerging) giveBack(context);
}

function silence(context: ReplicaContext): void {
  const triggers = context.tables
    .all()
    .flatMap(({ form }) => form.triggers)
    .filter((trigger) => writesSyncedTable(context, trigger));
  silenced.set(context, triggers);
  if (triggers.length === 0) return;
  changeSchema(context, triggers, ({ name }) => `DROP TRIGGER IF EXISTS main.${quoteName(name)}`);
}

function giveBack(context: ReplicaContext): void {
  const triggers = silenced.get(context) ?? [];
  silenced.delete(context);
  if (triggers.length > 0) changeSchema(context, triggers, ({ sql }) => sql);
}

/** Our own change of the schema is none that capture has to follow. */
function changeSchema(
  context: ReplicaContext,
  triggers: readonly AppTrigger[],
  sqlOf: (trigger: AppTrigger) => string,
): void {
  const isKnown = !hasSchemaMoved(context);
  for (const trigger of triggers) context.connection.exec(sqlOf(trigger));
  if (isKnown) context.meta.set('cookie', readCookie(context.connection));
}

const written =
  /\b(?:insert(?:\s+or\s+\w+)?\s+into|replace\s+into|update(?:\s+or\s+\w+)?|delete\s+from)\s+(?:main\s*\.\s*)?(?:"((?:[^"]|"")+)"|\[([^\]]+)\]|`([^`]+)`|([^\s(;"'`[]+))/gi;

/** Comments may hold anything, so a trigger may be taken for one that writes; that it does write is never missed. */
function writesSyncedTable({ tables }: ReplicaContext, { sql }: AppTrigger): boolean {
  for (const [, quoted, bracketed, ticked, plain] of sql.matchAll(written)) {
    const name = quoted?.replaceAll('""', '"') ?? bracketed ?? ticked ?? plain ?? '';
    if (tables.byName(name)) return true;
  }
  return false;
}
