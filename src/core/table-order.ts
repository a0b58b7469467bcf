import type { TableSchema } from './table-schema.js';

/** Tables that reference each other in a circle (or one table by itself). */
export interface TableGroup {
  readonly tables: readonly TableSchema[];
  /** True when rows of the group can reference rows of the same group. */
  readonly isCircle: boolean;
}

/** Groups of tables, parents before children; the same order for the same schema, whatever order it is given in. */
export function parentsFirst(schema: readonly TableSchema[]): TableGroup[] {
  const byName = new Map(schema.map((table) => [table.name, table]));
  const parentsOf = (table: TableSchema): TableSchema[] =>
    [...new Set([...table.references, ...(table.lists ?? [])].map(({ parentTable }) => parentTable))]
      .toSorted()
      .flatMap((name) => byName.get(name) ?? []);
  const groups: TableGroup[] = [];
  const number = new Map<string, number>();
  const low = new Map<string, number>();
  const open: TableSchema[] = [];
  const isOpen = new Set<string>();

  const close = (table: TableSchema): void => {
    const tables = open.splice(open.indexOf(table));
    for (const each of tables) isOpen.delete(each.name);
    tables.sort((a, b) => (a.name < b.name ? -1 : 1));
    groups.push({ tables, isCircle: tables.length > 1 || parentsOf(table).includes(table) });
  };
  // Tarjan's strongly connected components; a component is closed after all it leads to, so parents come first.
  const visit = (table: TableSchema): number => {
    const own = number.size;
    number.set(table.name, own);
    low.set(table.name, own);
    open.push(table);
    isOpen.add(table.name);
    let lowest = own;
    for (const parent of parentsOf(table)) {
      if (!number.has(parent.name)) lowest = Math.min(lowest, visit(parent));
      else if (isOpen.has(parent.name)) lowest = Math.min(lowest, low.get(parent.name) ?? own);
    }
    low.set(table.name, lowest);
    if (lowest === own) close(table);
    return lowest;
  };
  for (const table of schema.toSorted((a, b) => (a.name < b.name ? -1 : 1))) if (!number.has(table.name)) visit(table);
  return groups;
}
