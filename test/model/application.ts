/** The application of a server in the model's world: it reads and writes only what is visible. */
import { countOn, mayStand, ruledValues, wholeWrite, writeRuled } from './application-columns.js';
import { check } from './check-failure.js';
import { hiddenBehind, beginChangeset, type ModelWriter } from './model-writing.js';
import { rowsIn, viewOfModel, visibleIn, type ModelRow, type ModelView } from './model-view.js';
import { isAddition, ruleOf } from './model-columns.js';
import type { Columns, ModelCell, ModelReference, ModelTable, ModelValue } from './model-state.js';
import { note, nowOf, type ModelServer, type World } from './world.js';

export interface Session {
  readonly world: World;
  readonly server: ModelServer;
  readonly writer: ModelWriter;
  readonly view: ModelView;
  readonly table: ModelTable;
  readonly rows: readonly ModelRow[];
}

export function writeSomething(world: World, server: ModelServer): void {
  const { random } = world;
  const now = nowOf(world, server);
  // Some drains come late.
  const written = random.chance(0.3) ? Math.max(1, now - random.below(40)) : now;
  const writer = beginChangeset(server.replica, { now, written, nonce: world.nonce++ });
  for (let i = 0, count = 1 + (random.chance(0.3) ? random.below(4) : 0); i < count; i++) {
    const view = viewOfModel(server.replica);
    const table = random.pick(server.replica.schema);
    const rows = visibleIn(view, table.name);
    const session = { world, server, writer, view, table, rows };
    const dice = random.below(8 + world.deletes);
    if (dice < 5 || rows.length === 0) insertRow(session);
    else if (dice < 8) updateRow(session, random.pick(rows));
    else deleteRow(session, random.pick(rows));
    world.totals.writes++;
  }
  note(world, writer.commit());
}

/** Adds to the first counter that is to be seen, so that copies of one server add to one. */
export function countSomewhere(world: World, server: ModelServer): void {
  const view = viewOfModel(server.replica);
  for (const table of server.replica.schema) {
    const counter = Object.entries(table.rules ?? {}).find(([, rule]) => rule === 'counter');
    const rows = visibleIn(view, table.name);
    const [row] = rows;
    if (!counter || !row) continue;
    const writer = beginChangeset(server.replica, { now: nowOf(world, server), nonce: world.nonce++ });
    countOn({ world, server, writer, view, table, rows }, row, counter[0]);
    return note(world, writer.commit());
  }
}

function freeKey({ world, table, rows }: Session): string | number | undefined {
  const taken = new Set(rows.map((row) => row.key));
  if (table.key === 'generated')
    return Math.max(0, ...[...taken].map(Number).filter((key) => world.countsFromTop || key < 1e6)) + 1;
  const free = ['k0', 'k1', 'k2', 'k3', 'k4'].filter((key) => !taken.has(key));
  return free.length ? world.random.pick(free) : undefined;
}

/** Capture: the number names the row that is visible under it here and now. */
function chooseReference(
  { world, view }: Session,
  reference: ModelReference,
): { value: ModelValue; meant: string | null } {
  const parents = visibleIn(view, reference.to);
  if (world.random.chance(0.04)) return { value: { raw: 5000 + world.random.below(3) }, meant: null };
  if (parents.length === 0 || world.random.chance(0.15)) return { value: null, meant: null };
  const { row } = world.random.pick(parents);
  return { value: { row }, meant: row };
}

function chooseUnique({ world, table, rows }: Session, column: string): ModelValue {
  const isText = [undefined, 'first'].includes(ruleOf(table, column));
  const number = world.random.chance(0.2) ? null : world.random.below(world.uniqueValues);
  const value = isText && number !== null ? `u${number}` : number;
  return rows.some((row) => row.values[column] === value) ? null : value;
}

function insertRow(session: Session): void {
  const { world, writer, table } = session;
  const key = freeKey(session);
  if (key === undefined) return;
  const columns: Record<string, ModelCell> = {};
  const put = (column: string, value: ModelValue): void => void (columns[column] = { value, at: writer.at });
  if (table.key !== 'bag') put('key', key);
  // Rows of bags are often equal.
  const values = table.key === 'bag' ? 2 : 100;
  put('a', world.random.below(values));
  const b = world.random.below(values);
  if (table.unknown?.includes('b') !== true) put('b', b);
  for (const reference of table.references) {
    const { value, meant } = chooseReference(session, reference);
    put(reference.column, value);
    put(`meant_${reference.column}`, meant === null ? null : { row: meant });
  }
  for (const { column } of table.uniques) put(column, chooseUnique(session, column));
  if (table.rules) for (const [column, value] of Object.entries(ruledValues(session))) put(column, value);
  const life = writer.nextLife();
  writer.put({ kind: 'insert', life, row: life, table: table.name, columns });
}

function updateRow(session: Session, row: ModelRow): void {
  const { server, view, writer, world, table } = session;
  if (table.rules && world.random.chance(0.4)) return writeRuled(session, row);
  const chosen = chooseUpdate(session, row);
  if (!chosen) return;
  if (table.key === 'bag' && world.random.chance(0.2)) return replaceRow(session, row, chosen);
  const columns = wholeWrite(session, table, { row, columns: chosen });
  const losers =
    columns['key'] && server.replica.rules.endsWhatIsBehind
      ? hiddenBehind(view, row).filter((other) => other.status === 'key-loser')
      : [];
  if (losers.length > 0) writer.put({ kind: 'end', lives: losers.flatMap((other) => other.lives), why: 'app-rekey' });
  writer.put({ kind: 'update', lives: row.lives, columns });
  const now = viewOfModel(server.replica).all.get(row.row)?.columns ?? {};
  for (const [column, cell] of Object.entries(columns))
    check(now[column]?.at === cell.at, 'SEEN value beats the edit made after it', () => `${row.row} ${column}`);
  if (columns['key']) checkNoGhosts(session, new Set([row.row]), 'key-loser');
}

/** A bag that is compared by content: the row as it was has gone, another is there. */
function replaceRow({ writer, table }: Session, row: ModelRow, columns: Columns): void {
  const life = writer.nextLife();
  const fresh: Record<string, ModelCell> = {};
  for (const [name, { value }] of Object.entries({ ...row.columns, ...columns }))
    if (ruleOf(table, name) === 'counter') fresh[name] = { value: row.values[name] ?? null, at: writer.at };
    else if (!isAddition(name)) fresh[name] = { value, at: writer.at };
  writer.put({ kind: 'insert', life, row: life, table: table.name, columns: fresh });
  writer.put({ kind: 'end', lives: row.lives, why: 'app-delete' });
}

function chooseUpdate(session: Session, row: ModelRow): Columns | null {
  const { world, table, rows, writer } = session;
  const { random } = world;
  const columns: Record<string, ModelCell> = {};
  const write = (column: string, value: ModelValue): void =>
    void (columns[column] = { value, at: writer.atAbove(row.lives, column) });
  const dice = random.below(6);
  if (dice === 0) {
    if (table.key === 'bag') return null;
    const key = table.key === 'generated' && random.chance(0.5) ? 40 + random.below(20) : freeKey(session);
    if (key === undefined || rows.some((other) => other.key === key)) return null;
    write('key', key);
  } else if (dice === 1 && table.references.length > 0) {
    const reference = random.pick(table.references);
    const { value, meant } = chooseReference(session, reference);
    write(reference.column, value);
    write(`meant_${reference.column}`, meant === null ? null : { row: meant });
  } else if (dice <= 3 && table.uniques.length > 0) {
    const { column } = random.pick(table.uniques);
    const value = chooseUnique(session, column);
    if (!mayStand(table, column, [value, row.columns[column]?.value ?? null])) return null;
    write(column, value);
  } else {
    const column = random.pick(['a', 'b']);
    write(table.unknown?.includes(column) === true ? 'a' : column, random.below(100));
  }
  return columns;
}

/** As the database would: RESTRICT refuses, CASCADE and SET NULL act on the visible children. */
function deleteRow(session: Session, row: ModelRow): void {
  const { server, view, writer } = session;
  const plan = planDelete(session, row);
  if (!plan) return;
  for (const [child, column] of plan.nulled) {
    if (plan.doomed.has(child.row)) continue;
    const cells = [column, `meant_${column}`].map((name): [string, ModelCell] => [
      name,
      { value: null, at: writer.atAbove(child.lives, name) },
    ]);
    const table = server.replica.schema.find(({ name }) => name === child.table);
    const columns = Object.fromEntries(cells);
    if (table)
      writer.put({
        kind: 'update',
        lives: child.lives,
        columns: wholeWrite(session, table, { row: child, columns }),
      });
  }
  for (const current of plan.doomed.values()) {
    const behind = server.replica.rules.endsWhatIsBehind ? hiddenBehind(view, current) : [];
    writer.put({ kind: 'end', lives: [current, ...behind].flatMap((each) => each.lives), why: 'app-delete' });
  }
  checkNoGhosts(session, new Set(plan.doomed.keys()), 'merging');
  checkNoGhosts(session, new Set(plan.doomed.keys()), 'key-loser');
}

function planDelete(
  { server, view }: Session,
  row: ModelRow,
): {
  readonly doomed: ReadonlyMap<string, ModelRow>;
  readonly nulled: readonly (readonly [ModelRow, string])[];
} | null {
  const doomed = new Map([[row.row, row]]);
  const nulled: (readonly [ModelRow, string])[] = [];
  for (const current of doomed.values())
    for (const table of server.replica.schema)
      for (const reference of table.references.filter(({ to }) => to === current.table))
        for (const child of visibleIn(view, table.name)) {
          if (child.values[reference.column] !== current.key) continue;
          if (reference.onDelete === 'restrict') return null;
          if (reference.onDelete === 'cascade') doomed.set(child.row, child);
          else nulled.push([child, reference.column]);
        }
  return { doomed, nulled };
}

/** What hid behind a row as "the same thing" must not jump out when the application deletes or re-keys that row. */
function checkNoGhosts({ view, server }: Session, touched: ReadonlySet<string>, status: ModelRow['status']): void {
  const after = viewOfModel(server.replica);
  for (const table of view.rowsByTable.keys())
    for (const row of rowsIn(view, table)) {
      if (row.status !== status || !touched.has(row.behind ?? '')) continue;
      check(
        after.all.get(row.row)?.status !== 'visible',
        'GHOST: a row that hid behind a deleted or re-keyed one appeared',
        () => row.row,
      );
    }
}
