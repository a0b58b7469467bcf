import { foldName } from '../databases/sqlite/connection/identifiers.js';
import type { DiscoveredTable } from '../databases/sqlite/schema/discovered-table.js';

/** A column that a trigger counts up or down: two servers that count at once would count once. */
export interface CounterAdvice {
  readonly table: string;
  readonly column: string;
  readonly trigger: string;
}

/** Rules that people have set, as far as advice depends on them. */
export type KnownRules = Readonly<
  Record<
    string,
    { readonly exclude?: boolean | undefined; readonly columns?: Readonly<Record<string, string>> | undefined }
  >
>;

const name = String.raw`(?:"((?:[^"]|"")+)"|\[([^\]]+)\]|` + '`([^`]+)`' + String.raw`|([\p{L}_][\p{L}\p{N}_$]*))`;
const updates = new RegExp(String.raw`\bupdate\s+(?:or\s+\w+\s+)?${name}\s+set\s+([^;]*)`, 'giu');
const counts = new RegExp(
  String.raw`(?:^|[\s,(])${name}\s*=\s*(?:(?:coalesce|ifnull|max)\s*\(\s*)?${name}(?:\s*,\s*\d+\s*\))?\s*[-+]`,
  'giu',
);

/**
 * Totals that triggers keep by adding to what stands. A total that is counted anew each time (a sub-query) is right on every
 * server by itself.
 */
export function counterAdvice(tables: readonly DiscoveredTable[], rules: KnownRules): CounterAdvice[] {
  const found = new Map<string, CounterAdvice>();
  for (const { triggers } of tables)
    for (const { name: trigger, sql } of triggers)
      for (const [, a, b, c, d, assignments = ''] of sql.matchAll(updates)) {
        const table = tables.find((each) => foldName(each.name) === foldName(a ?? b ?? c ?? d ?? ''));
        if (!table || table.obstacle !== null) continue;
        for (const counted of assignments.matchAll(counts)) {
          const [set, added] = [firstOf(counted, 1), firstOf(counted, 5)].map(foldName);
          const column = table.schema.columns.find((each) => foldName(each.name) === set);
          if (!column || set !== added || table.schema.key.includes(column.name)) continue;
          if (!isSettled(rules, table.name, column.name))
            found.set(`${table.name} ${column.name}`, { table: table.name, column: column.name, trigger });
        }
      }
  return [...found.values()];
}

/** A name as it was written: quoted one way or another, or plain. */
const firstOf = (match: readonly (string | undefined)[], from: number): string =>
  match.slice(from, from + 4).find((part) => part !== undefined) ?? '';

function isSettled(rules: KnownRules, table: string, column: string): boolean {
  const rule = Object.entries(rules).find(([each]) => foldName(each) === foldName(table))?.[1];
  const columns = Object.keys(rule?.columns ?? {});
  return rule?.exclude === true || columns.some((each) => foldName(each) === foldName(column));
}
