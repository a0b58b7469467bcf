import type { LeftOut, Plan } from './plan.js';
import { dumpTables, type TableDump } from './table-dump.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

/** What the group knows of what a server shows: not what stays at home there. */
export const sharedTables = (world: World, server: VirtualServer): TableDump[] =>
  withoutLeftOut(world.plan, leftOutOn(world, server), shownTables(world, server));

/** What this server leaves out. */
export const leftOutOn = ({ plan }: World, { index }: VirtualServer): LeftOut[] =>
  (plan.leftOut ?? []).filter(({ server }) => server === index);

export function withoutLeftOut(
  { tables }: Plan,
  leftOut: readonly LeftOut[],
  dumps: readonly TableDump[],
): TableDump[] {
  if (leftOut.length === 0) return [...dumps];
  return dumps.flatMap((dump) => {
    const here = leftOut.filter(({ table }) => tables[table]?.name === dump.name);
    if (here.some(({ column }) => column === undefined)) return [];
    const kept = dump.columns.flatMap((name, at) => (here.some(({ column }) => column === name) ? [] : [at]));
    const pick = (cells: readonly string[]): string[] => kept.map((at) => cells[at] ?? '');
    return [{ ...dump, columns: pick(dump.columns), rows: dump.rows.map(pick) }];
  });
}

/** What a server shows, by the names of the plan, whatever its tables and columns are called by now. */
export function shownTables({ plan }: World, { app, changes }: VirtualServer): TableDump[] {
  const dumps = dumpTables(app);
  const renames = changes.filter(({ kind }) => kind === 'rename-table' || kind === 'rename-column');
  if (renames.length === 0) return dumps;
  return dumps.map((dump) => {
    const renamed = renames.find((change) => change.kind === 'rename-table' && change.to === dump.name);
    const index = renamed ? renamed.table : plan.tables.findIndex(({ name }) => name === dump.name);
    const nameOf = (column: string): string => {
      const change = renames.find(
        (each) => each.kind === 'rename-column' && each.table === index && each.to === column,
      );
      return change?.kind === 'rename-column' ? change.column : column;
    };
    return { ...dump, name: plan.tables[index]?.name ?? dump.name, columns: dump.columns.map(nameOf) };
  });
}
