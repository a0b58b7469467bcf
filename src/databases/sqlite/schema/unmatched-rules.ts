import { foldName } from '../connection/identifiers.js';
import type { DiscoveredTable } from './discovered-table.js';
import type { TableRules } from './table-rules.js';

/** A name in the rules of a person that the database has not: the rule does nothing, or not yet. */
export interface UnmatchedRule {
  readonly table: string;
  /** Null: the table itself is not here. */
  readonly column: string | null;
  /** The names that could have been meant. */
  readonly known: readonly string[];
}

/** Names are compared as SQLite does. Tables of references count too. */
export function unmatchedRules(
  tables: readonly Pick<DiscoveredTable, 'name' | 'schema'>[],
  rules: Readonly<Record<string, TableRules>>,
): UnmatchedRule[] {
  const known = tables.map(({ name }) => name);
  const tableOf = (name: string) => tables.find((each) => foldName(each.name) === foldName(name));
  return Object.entries(rules).flatMap(([name, rule]) => {
    const table = tableOf(name);
    if (!table) return [{ table: name, column: null, known }];
    const columns = table.schema.columns.map((column) => column.name);
    const folded = new Set(columns.map(foldName));
    const references = rule.references ?? [];
    const named = [...Object.keys(rule.columns ?? {}), ...references.map(({ column }) => column)];
    return [...new Set(named.filter((column) => !folded.has(foldName(column))))]
      .map((column): UnmatchedRule => ({ table: name, column, known: columns }))
      .concat(references.flatMap((to) => (tableOf(to.table) ? [] : [{ table: to.table, column: null, known }])));
  });
}

/** Of a rule without effect, in words. */
export const unmatchedText = ({ table, column }: UnmatchedRule): string =>
  column === null ? `there is no table ${table} that could be synced` : `table ${table} has no column ${column}`;
