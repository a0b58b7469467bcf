import { createChain } from '../../../core/hash.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/**
 * Marks rows that wait as those of a migration (decision 0017) when tables of the application are others than at the last
 * look. VACUUM, ANALYZE, a new index, trigger or view move the schema cookie too, but come with no rows of their own: two
 * servers that wrote equal rows around one of them wrote two. Inside a write transaction.
 */
export function markMigration({ connection, meta }: ReplicaContext, { isFirst }: { readonly isFirst: boolean }): void {
  const chain = createChain();
  for (const [sql] of connection.prepare(tableTexts).all()) chain.add(new TextEncoder().encode(String(sql)));
  const before = meta.text('tables-text');
  meta.set('tables-text', chain.value());
  // The first look finds the application as it is: what is written from then on is no migration's.
  if (!isFirst && before !== chain.value()) meta.set('migrated', 1);
}

const tableTexts = `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND name NOT LIKE '\\_usync\\_%' ESCAPE '\\' ORDER BY name`;
