import type { ReferenceAction, ReferenceSchema } from '../../../core/table-schema.js';
import type { DiscoveredTable } from './discovered-table.js';
import type { Connection } from '../connection/driver.js';
import { foldName } from '../connection/identifiers.js';

/**
 * The tables again, with their foreign keys, and with the key kind that follows from them: an INTEGER PRIMARY KEY that
 * is itself a reference (a row that extends a row of another table) has no numbers of its own, so it is natural.
 */
export function readReferences(connection: Connection, tables: readonly DiscoveredTable[]): DiscoveredTable[] {
  const tableByName = new Map(tables.map((table) => [foldName(table.name), table]));
  const declared = tables.map((table) => ({ table, references: readDeclared(connection, table, tableByName) }));
  const followers = keysThatFollow(declared, tableByName);
  return declared.map(({ table, references }) => ({
    ...table,
    schema: {
      ...table.schema,
      keyKind: table.isRowidKey && followers.has(table.name) ? 'natural' : table.schema.keyKind,
      references: references.map((reference) => {
        const parent = tableByName.get(foldName(reference.parentTable));
        return { ...reference, byRow: parent !== undefined && isByRow(reference, parent, followers) };
      }),
    },
  }));
}

interface TableReferences {
  readonly table: DiscoveredTable;
  readonly references: readonly ReferenceSchema[];
}

/** A number of a parent may be given anew by a merge; whatever repeats it, at any distance, must follow. */
function isByRow(reference: ReferenceSchema, parent: DiscoveredTable, followers: ReadonlySet<string>): boolean {
  if (!isToSingleKey(reference, parent)) return false;
  return parent.isRowidKey || followers.has(parent.name);
}

const isToSingleKey = (reference: ReferenceSchema, parent: DiscoveredTable): boolean =>
  reference.columns.length === 1 && parent.key.length === 1 && reference.parentColumns[0] === parent.key[0]?.name;

/** Tables whose single key column is a reference to a generated key, directly or through such a table. */
function keysThatFollow(
  declared: readonly TableReferences[],
  tableByName: ReadonlyMap<string, DiscoveredTable>,
): Set<string> {
  const followers = new Set<string>();
  for (let grown = true; grown;) {
    grown = false;
    for (const { table, references } of declared) {
      if (table.key.length !== 1 || followers.has(table.name)) continue;
      const follows = references.some((reference) => {
        const parent = tableByName.get(foldName(reference.parentTable));
        if (!parent || parent === table || reference.columns[0] !== table.key[0]?.name) return false;
        // A cycle of keys has no table that hands out the numbers.
        return (
          isToSingleKey(reference, parent) &&
          (followers.has(parent.name) || parent.isRowidKey) &&
          !reaches(parent, table)
        );
      });
      if (follows) {
        followers.add(table.name);
        grown = true;
      }
    }
  }
  return followers;

  function reaches(from: DiscoveredTable, to: DiscoveredTable): boolean {
    const seen = new Set<DiscoveredTable>([from]);
    for (const table of seen) {
      if (table === to) return true;
      for (const reference of declared.find((other) => other.table === table)?.references ?? []) {
        const parent = tableByName.get(foldName(reference.parentTable));
        if (parent && reference.columns[0] === table.key[0]?.name && isToSingleKey(reference, parent)) seen.add(parent);
      }
    }
    return false;
  }
}

function readDeclared(
  connection: Connection,
  table: DiscoveredTable,
  tableByName: ReadonlyMap<string, DiscoveredTable>,
): ReferenceSchema[] {
  const rows = connection
    .cached(
      'SELECT id, "table", "from", "to", on_delete FROM pragma_foreign_key_list(?, \'main\') ORDER BY id DESC, seq',
    )
    .all(table.name);
  const byId = new Map<bigint, { parent: string; onDelete: string; from: string[]; to: (string | null)[] }>();
  for (const [id, parent, from, to, onDelete] of rows) {
    const entry = byId.get(id as bigint) ?? { parent: String(parent), onDelete: String(onDelete), from: [], to: [] };
    entry.from.push(String(from));
    entry.to.push(typeof to === 'string' ? to : null);
    byId.set(id as bigint, entry);
  }
  return [...byId.values()].map((entry) => {
    const parent = tableByName.get(foldName(entry.parent));
    return {
      columns: entry.from.map((name) => declaredName(table, name)),
      parentTable: parent?.name ?? entry.parent,
      parentColumns: parentColumnsOf(entry.to, parent),
      onDelete: actionByName[entry.onDelete] ?? 'restrict',
      byRow: false,
    };
  });
}

/** Columns that a foreign key does not name are those of the parent's key. */
function parentColumnsOf(named: readonly (string | null)[], parent: DiscoveredTable | undefined): string[] {
  return named.map((name, i) => {
    if (name === null) return parent?.key[i]?.name ?? '';
    return parent ? declaredName(parent, name) : name;
  });
}

const declaredName = (table: DiscoveredTable, name: string): string =>
  table.columns.find((column) => foldName(column.name) === foldName(name))?.name ?? name;

const actionByName: Readonly<Record<string, ReferenceAction>> = {
  'NO ACTION': 'restrict',
  RESTRICT: 'restrict',
  CASCADE: 'cascade',
  'SET NULL': 'set null',
  'SET DEFAULT': 'set default',
};
