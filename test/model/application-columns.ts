/** What an application writes into columns and tables that have a merge rule of their own. */
import type { Session } from './application.js';
import { check } from './check-failure.js';
import { nameOf } from './model-names.js';
import type { Columns, ModelCell, ModelTable, ModelValue } from './model-state.js';
import { additionColumn, compareByRule, counterTotal, isAddition, ruleOf } from './model-columns.js';
import { plain, viewOfModel, type ModelRow } from './model-view.js';
import type { ModelWriter } from './model-writing.js';

/** Additions of a world are powers of two, so that a total tells which of them it holds. */
const additionsMax = 45;

export function ruledValues({ world: { random }, table }: Session): Record<string, ModelValue> {
  const value = (): ModelValue => (random.chance(0.3) ? null : random.below(10));
  return Object.fromEntries(
    Object.keys(table.rules ?? {}).flatMap((column) =>
      table.uniques.some((unique) => unique.column === column) ? [] : [[column, value()]],
    ),
  );
}

/** Whether `after` may take the place of `before`: an application's write that may not is undone where it was made. */
export function mayStand(
  table: ModelTable,
  column: string,
  [after, before]: readonly [ModelValue, ModelValue],
): boolean {
  const rule = ruleOf(table, column);
  if (rule === 'first') return before === null && after !== null;
  return rule === undefined || rule === 'counter' || compareByRule(rule, after, before) >= 0;
}

export function writeRuled(session: Session, row: ModelRow): void {
  const { world, table, writer } = session;
  const column = world.random.pick(Object.keys(table.rules ?? {}));
  if (ruleOf(table, column) === 'counter') return countOn(session, row, column);
  if (table.uniques.some((unique) => unique.column === column)) return;
  const [value, before] = [world.random.below(30), row.columns[column]?.value ?? null];
  if (!world.rules.columnRulesHold || mayStand(table, column, [value, before]))
    writer.put({
      kind: 'update',
      lives: row.lives,
      columns: { [column]: { value, at: writer.atAbove(row.lives, column) } },
    });
}

export function countOn({ world, server: { replica }, writer }: Session, row: ModelRow, column: string): void {
  if (world.additions >= additionsMax) return;
  const more = 2 ** world.additions++;
  const shown = counterTotal(row.columns, column);
  const before = typeof shown === 'number' ? shown : 0;
  replica.run ??= writer.stamp;
  const run = nameOf(world.rules.additionsAreByRun ? replica.run : 0, replica.origin, 0);
  const name = world.rules.additionsAreApart ? additionColumn(column, run) : column;
  const sum = world.rules.additionsAreApart ? Number(row.columns[name]?.value ?? 0) : before;
  const cell: ModelCell = { value: sum + more, at: writer.atAbove(row.lives, name) };
  writer.put({ kind: 'update', lives: row.lives, columns: { [name]: cell }, added: { [column]: more } });
  const after = plain(viewOfModel(replica).all.get(row.row)?.values[column]);
  check(after === before + more, 'SEEN: an application does not see what it added', () => `${row.row} ${after}`);
}

/** Columns that are written together, where one write is the whole row: not the key, and none with a rule of its own. */
export const isWrittenTogether = (table: ModelTable, column: string): boolean =>
  table.isByRow === true &&
  table.unknown?.includes(column.replace('meant_', '')) !== true &&
  column !== 'key' &&
  !isAddition(column) &&
  ruleOf(table, column) === undefined;

/** What the application left as it was is written too, as it stands, all with one stamp. */
export function wholeWrite(
  { writer, world }: Pick<Session, 'writer' | 'world'>,
  table: ModelTable,
  { row, columns }: { readonly row: ModelRow; readonly columns: Columns },
): Columns {
  if (!world.rules.rowsAreWhole || !Object.keys(columns).some((column) => isWrittenTogether(table, column)))
    return columns;
  const together = Object.keys(row.columns).filter((column) => isWrittenTogether(table, column));
  const at = highest(writer, row, together);
  const whole = together.flatMap((column): [string, ModelCell][] => {
    const cell = columns[column] ?? row.columns[column];
    return cell ? [[column, { value: cell.value, at }]] : [];
  });
  return { ...columns, ...Object.fromEntries(whole) };
}

const highest = (writer: ModelWriter, row: ModelRow, columns: readonly string[]): string =>
  columns
    .map((column) => writer.atAbove(row.lives, column))
    .toSorted()
    .at(-1) ?? writer.at;
