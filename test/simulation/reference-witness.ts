/**
 * Columns that hold the number of a row: whatever number that row has in the end, the column shows it. Judged by what the
 * application saw when it wrote: which row stood at the number.
 */
import { replacedBirths, rowsByBirth } from './born-rows.js';
import { createKinRows, type KinRows } from './kin-rows.js';
import type { Plan } from './plan.js';
import type { SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';
import type { Witness, WitnessedWrite } from './witness.js';

interface Followed {
  readonly table: SimulatedTable;
  readonly column: string;
  readonly parent: SimulatedTable;
  readonly numberColumn: string;
  readonly isDeclared: boolean;
}

interface Meaning {
  /** Births of the rows that were meant, by any write. */
  readonly rows: Set<string>;
  /** Nothing was meant, or nobody can tell. */
  isUnclear: boolean;
}

export function createReferenceWitness(plan: Plan): Witness | null {
  const isClear = !plan.steps.some(({ kind }) => ['restore', 'power-loss', 'clone', 'join'].includes(kind));
  const followed = isClear ? plan.tables.flatMap((table) => followedOf(plan, table)) : [];
  if (followed.length === 0) return null;
  const meanings = new Map<string, Meaning>();
  const moved = new Set<string>();
  const deleted = new Set<string>();
  const kin = createKinRows(plan.tables);
  const known: Known = { meanings, moved, deleted, kin };
  return {
    note: (write) => {
      kin.note(write.after);
      for (const each of followed) noteColumn(known, each, write);
    },
    noteDrained: () => undefined,
    judge: (dumps) => {
      for (const each of followed) {
        const text = misledIn(known, each, dumps);
        if (text !== null) return { promise: 'MISLED', text };
      }
      return null;
    },
  };
}

function followedOf(plan: Plan, table: SimulatedTable): Followed[] {
  const declared = (table.declared ?? []).filter(({ list }) => list === undefined);
  const places = [
    ...table.references.map((each) => ({ ...each, isDeclared: false })),
    ...declared.map((each) => ({ ...each, isDeclared: true })),
  ];
  return places.flatMap(({ column, parent: index, isDeclared }) => {
    const parent = plan.tables[index];
    return parent?.key.kind === 'generated'
      ? [{ table, column, parent, numberColumn: parent.key.column, isDeclared }]
      : [];
  });
}

interface Known {
  readonly meanings: Map<string, Meaning>;
  /** Rows to which an application gave another number. */
  readonly moved: Set<string>;
  /** Rows that an application deleted: a RESTRICT reference may bring them back. */
  readonly deleted: Set<string>;
  readonly kin: KinRows;
}

const placeOf = ({ table, column }: Followed, birth: string): string => `${table.name}\0${column}\0${birth}`;
const dumpOf = (dumps: readonly TableDump[], { name }: SimulatedTable): TableDump | undefined =>
  dumps.find((dump) => dump.name === name);

function noteColumn(
  { meanings, moved, deleted }: Known,
  followed: Followed,
  { before, after, steps }: WitnessedWrite,
): void {
  const { table, column, parent, numberColumn } = followed;
  const [was, is, parents] = [dumpOf(before, table), dumpOf(after, table), dumpOf(after, parent)];
  if (!is || !parents) return;
  const numbersBefore = birthsByNumber(dumpOf(before, parent), numberColumn);
  const numbers = birthsByNumber(parents, numberColumn);
  const stillAt = new Map([...numbers].map(([number, birth]) => [birth, number]));
  for (const [number, birth] of numbersBefore)
    if (!stillAt.has(birth)) deleted.add(birth);
    else if (stillAt.get(birth) !== number) moved.add(birth);
  const rowsBefore = was ? rowsByBirth(was) : new Map<string, readonly string[]>();
  const replaced = replacedBirths(table, { before: was, after: is, steps });
  const at = is.columns.indexOf(column);
  for (const [birth, row] of rowsByBirth(is)) {
    const shown = row[at] ?? 'null';
    const formers = replaced.get(birth);
    for (const each of formers ? [...formers, birth] : [])
      meaningAt(meanings, placeOf(followed, each)).isUnclear = true;
    if (rowsBefore.get(birth)?.[at] === shown) {
      // The application put another row there, or none, and left the number: it means what stands there now.
      if (numbersBefore.get(shown) !== numbers.get(shown))
        meaningAt(meanings, placeOf(followed, birth)).isUnclear = true;
      continue;
    }
    const meaning = meaningAt(meanings, placeOf(followed, birth));
    const meant = numbers.get(shown);
    if (meant === undefined) meaning.isUnclear = true;
    else meaning.rows.add(meant);
  }
}

function meaningAt(meanings: Map<string, Meaning>, place: string): Meaning {
  const meaning = meanings.get(place) ?? { rows: new Set<string>(), isUnclear: false };
  meanings.set(place, meaning);
  return meaning;
}

function birthsByNumber(dump: TableDump | undefined, column: string): ReadonlyMap<string, string> {
  if (!dump) return new Map();
  const [at, bornAt] = [dump.columns.indexOf(column), dump.columns.indexOf('born')];
  return new Map(dump.rows.map((row) => [row[at] ?? '', row[bornAt] ?? '']));
}

/**
 * Only where every row that was ever meant is shown: of one that is gone the column may show nothing, or a bare number. A
 * declared reference to a row that came back may as well: its writer says which number it was as soon as the row is gone
 * (decision 14), and who brings the row back may be another server.
 */
function misledIn(known: Known, followed: Followed, dumps: readonly TableDump[]): string | null {
  const { moved, deleted } = known;
  const { table, column, parent, numberColumn, isDeclared } = followed;
  const mayBeBare = (meant: string): boolean => isDeclared && deleted.has(meant);
  const dump = dumpOf(dumps, table);
  if (!dump) return null;
  const births = birthsByNumber(dumpOf(dumps, parent), numberColumn);
  const shownRows = new Set(births.values());
  const rows = rowsByBirth(dump);
  for (const [birth, row] of rows) {
    const meaning = meaningOf(known, followed, { birth, rows });
    if (meaning.isUnclear || meaning.rows.size === 0) continue;
    if ([...meaning.rows].some((meant) => !shownRows.has(meant) || moved.has(meant) || mayBeBare(meant))) continue;
    const shown = row[dump.columns.indexOf(column)] ?? 'null';
    const found = births.get(shown) ?? '';
    if (!meaning.rows.has(found))
      return `${table.name}.${column} of ${birth} shows ${shown}, which is ${found || 'no row'}, and meant ${[...meaning.rows].join()}`;
  }
  return null;
}

/** With what was meant in rows that are not shown, and may have become part of this one. */
function meaningOf(
  { meanings, kin }: Known,
  followed: Followed,
  { birth, rows }: { readonly birth: string; readonly rows: ReadonlyMap<string, unknown> },
): Readonly<Meaning> {
  const parts = [birth, ...[...kin.kinOf(followed.table, birth)].filter((other) => !rows.has(other))];
  const found = parts.flatMap((part) => meanings.get(placeOf(followed, part)) ?? []);
  return {
    rows: new Set(found.flatMap((meaning) => [...meaning.rows])),
    isUnclear: found.some(({ isUnclear }) => isUnclear),
  };
}
