import { columnHash, columnSeed } from '../../../core/row-hash.js';
import { quoteName } from '../connection/identifiers.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { shadowColumnCount, shadowColumns } from '../stores/shadow-store.js';
import { keepsKey } from '../stores/shadow-layout.js';
import type { DiscoveredTable } from './discovered-table.js';
import { createSyncedTable, joinsTable, layoutOf } from './synced-table.js';
import type { TableRecord } from './table-registry.js';

/**
 * Columns that have another name now, by the name before. SQLite says nothing of it, but a renamed column keeps its place,
 * dropped ones leave theirs and new ones come last. So between columns that stayed, as many new names as old ones are
 * renames; where they are not as many, the rows tell which columns hold what was remembered of others.
 */
export function renamedColumns(
  context: ReplicaContext,
  form: DiscoveredTable,
  record: TableRecord,
): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  const isMadeAnew = form.rootPage !== record.rootPage;
  for (const { gone, fresh } of gapsOf(record.layout, layoutOf(form.schema))) {
    if (gone.length === 0 || fresh.length === 0) continue;
    const work = { form, record, gone, fresh };
    if (isMadeAnew) for (const [from, to] of pairsMadeAnew(context, work)) renamed.set(from, to);
    else if (gone.length === fresh.length) for (const [i, name] of gone.entries()) renamed.set(name, fresh[i] ?? name);
    else for (const [from, to] of pairsByContent(context, work)) renamed.set(from, to);
  }
  return renamed;
}

/**
 * Tools that make a table anew may put anything in a column's place. So its rows have to hold what was remembered; where
 * there are none, one name in the place of one other is a rename.
 */
function pairsMadeAnew(context: ReplicaContext, work: TableGap): readonly (readonly [string, string])[] {
  const { form, gone, fresh } = work;
  if (holdsRows(context, form)) return contentTest(context, work) ? pairsByContent(context, work) : [];
  const [from, to] = [gone[0], fresh[0]];
  return gone.length === 1 && fresh.length === 1 && from !== undefined && to !== undefined ? [[from, to]] : [];
}

const holdsRows = ({ connection }: ReplicaContext, { name }: DiscoveredTable): boolean =>
  connection.prepare(`SELECT 1 FROM main.${quoteName(name)} LIMIT 1`).get() !== undefined;

interface Gap {
  readonly gone: readonly string[];
  readonly fresh: readonly string[];
}

/** What stands between the columns that both have; all in one where a rebuild had changed their order. */
function gapsOf(before: readonly string[], now: readonly string[]): Gap[] {
  const stayed = before.filter((column) => now.includes(column));
  if (now.filter((column) => before.includes(column)).some((column, i) => column !== stayed[i]))
    return [
      {
        gone: before.filter((column) => !stayed.includes(column)),
        fresh: now.filter((column) => !stayed.includes(column)),
      },
    ];
  const between = (columns: readonly string[], from: number): string[] => {
    const start = from === 0 ? 0 : columns.indexOf(stayed[from - 1] ?? '') + 1;
    const end = from === stayed.length ? columns.length : columns.indexOf(stayed[from] ?? '');
    return columns.slice(start, end);
  };
  return Array.from({ length: stayed.length + 1 }, (_, i) => ({ gone: between(before, i), fresh: between(now, i) }));
}

interface TableGap extends Gap {
  readonly form: DiscoveredTable;
  readonly record: TableRecord;
}

const rowsAsked = 50;

/** In order; what no row tells apart is paired from the left, since new columns come last. */
function pairsByContent(context: ReplicaContext, gap: TableGap): (readonly [string, string])[] {
  const { gone, fresh } = gap;
  const fits = contentTest(context, gap);
  if (!fits) return gone.length < fresh.length ? gone.map((name, i) => [name, fresh[i] ?? name] as const) : [];
  const pairs: (readonly [string, string])[] = [];
  let next = 0;
  for (const to of fresh) {
    const at = gone.findIndex((from, i) => i >= next && fits(from, to));
    const from = gone[at];
    if (from === undefined) continue;
    pairs.push([from, to]);
    next = at + 1;
  }
  return pairs;
}

/** Whether most rows hold in the one column what they were remembered to hold in the other; null when there are no rows. */
function contentTest(
  context: ReplicaContext,
  { form, record, fresh }: TableGap,
): ((from: string, to: string) => boolean) | null {
  const table = createSyncedTable(record.number, form, layoutOf(form.schema));
  if (!keepsKey(context, table)) return null;
  const rows = context.connection
    .prepare(
      `SELECT ${shadowColumns('s')}, ${fresh.map((column) => `r.${quoteName(column)}`).join(', ')}
       FROM ${table.shadowSql} s CROSS JOIN ${table.sql} r ON ${joinsTable(table, 's', 'r')} LIMIT ${rowsAsked}`,
    )
    .allExact();
  if (rows.length === 0) return null;
  return (from, to) => {
    const seed = columnSeed(from);
    const at = record.layout.indexOf(from) * 4;
    const same = rows.filter((row) => {
      const { columns } = context.shadows.read(row, 0);
      const view = new DataView(columns.buffer, columns.byteOffset, columns.length);
      const remembered = at < columns.length ? view.getUint32(at, true) : 0;
      return columnHash(seed, row[shadowColumnCount + fresh.indexOf(to)] ?? null) === remembered;
    });
    return same.length * 2 > rows.length;
  };
}
