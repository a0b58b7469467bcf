import { dumpTables, type TableDump } from './table-dump.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

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
