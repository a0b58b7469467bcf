/**
 * What the applications wrote, kept outside the servers: the witness against which the end of a run is judged.
 * It learns by comparing the tables before and after each transaction of an application, so it needs to know nothing of
 * merging: a token that was there and is gone was overwritten or deleted by somebody who saw it.
 */
import { replacedBirths } from './born-rows.js';
import type { ReplacedRows } from './replaced-rows.js';
import type { SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';
import { tokensIn } from './written-value.js';

export interface Ledger {
  /** Notes one committed transaction; `steps`: what its statements replaced. */
  note(server: number, before: readonly TableDump[], after: readonly TableDump[], steps?: ReplacedRows): void;
  /** Values that appear without a write: defaults of new columns. */
  allow(table: string, column: string, cell: string): void;
  readonly isAllowed: (table: string, column: string, cell: string) => boolean;
  /**
   * These rows stand outside the group and join it later: each copy is a row of its own, so one may stay when another is
   * deleted, and no changeset holds them together.
   */
  noteOutside(rows: readonly TableDump[]): void;
  readonly isOutside: (token: string) => boolean;
  /**
   * Rows that nobody had drained when an image was taken that came back or was started beside its original. They are two
   * rows until both sides have met (decision 0012): whoever deletes one, or the row before it was drained, has not deleted
   * the other.
   */
  noteDrainedTwice(tokens: readonly string[]): void;
  /** All servers agree: from here on a row that stood twice is one, or its copies are told apart. */
  noteAgreement(): void;
  /** The number of transactions so far; marks a point for `forget`. */
  readonly mark: () => number;
  /** The server went back to that mark: what it wrote since may be lost or may have been passed on. */
  forget(server: number, since: number): void;
  /** The server was removed: only what others had of it counts, and of what it deleted nobody knows who heard. */
  leave(server: number, vouched: ReadonlySet<string>): void;
  /** What this server wrote after that mark. */
  readonly writtenSince: (server: number, mark: number) => readonly string[];
  /** Tokens that were certainly written and that nobody overwrote. */
  readonly standing: () => readonly WrittenToken[];
  /**
   * Names of rows (their `born` token) that were certainly deleted, and never given another key. Not those that were
   * drained twice, unless they were deleted after all had agreed; nor, in a table that merges by whole rows, those at whose
   * key another row was put: that may be a change of the row, which a whole row that was written elsewhere meanwhile wins over.
   */
  readonly deleted: () => readonly WrittenToken[];
  readonly isMoved: (token: string) => boolean;
  /** Whether the application of another server than this one overwrote or deleted it, or may have. */
  readonly isGoneElsewhere: (token: string, server: number) => boolean;
  readonly counts: () => { readonly transactions: number; readonly tokens: number };
}

export interface WrittenToken {
  readonly token: string;
  readonly table: string;
  readonly column: string;
  readonly server: number;
  readonly isBorn: boolean;
}

interface Fate extends WrittenToken {
  readonly at: number;
  readonly isBorn: boolean;
  /** The name of the token in its row. */
  readonly instance: string;
  gone: { readonly server: number; readonly at: number }[];
  /** Transactions that put another row at the key of this one, in a table that merges by whole rows. */
  readonly replacedAt: Set<number>;
  isUncertain: boolean;
  isGoneUncertain: boolean;
}

/** One statement may write one token into many rows: each of them is an instance. */
interface TokenPlace {
  readonly token: string;
  readonly table: string;
  readonly column: string;
  readonly isBorn: boolean;
  readonly key: string;
}

export function createLedger(tables: readonly SimulatedTable[]): Ledger {
  const fates = new Map<string, Fate>();
  const instancesByToken = new Map<string, Fate[]>();
  const moved = new Set<string>();
  const allowed = new Set<string>();
  const outside = new Set<string>();
  const drainedTwice = new Set<string>();
  let agreedAt = 0;
  const byName = new Map(tables.map((table) => [table.name, table]));
  let transactions = 0;

  return {
    mark: () => transactions,
    isMoved: (token) => moved.has(token),
    isGoneElsewhere: (token, server) => instancesByToken.get(token)?.some((fate) => isGoneFrom(fate, server)) === true,
    counts: () => ({ transactions, tokens: fates.size }),
    noteOutside: (rows) => {
      for (const dump of rows) for (const token of tokensOf(dump)) outside.add(token);
    },
    isOutside: (token) => outside.has(token),
    noteDrainedTwice: (tokens) => tokens.forEach((token) => drainedTwice.add(token)),
    noteAgreement: () => void (agreedAt = transactions),
    allow: (table, column, cell) => void allowed.add(`${table}\0${column}\0${cell}`),
    isAllowed: (table, column, cell) => allowed.has(`${table}\0${column}\0${cell}`),
    note: (server, before, after, steps = new Map()) => {
      const at = ++transactions;
      const known = new Set(before.flatMap((dump) => [...tokensOf(dump)]));
      const was = placesOf(byName, before);
      const is = placesOf(byName, after);
      for (const name of cellNames(after)) allowed.add(name);
      for (const [instance, place] of is) {
        const { token } = place;
        const old = was.get(instance);
        if (old && old.key !== place.key) moved.add(token);
        // A token shown in another row than it was written into: rows that became one.
        const isNew = !old && !fates.has(instance) && !known.has(token);
        if (!isNew) continue;
        const fate = freshFate(place, instance, { server, at });
        fates.set(instance, fate);
        instancesByToken.set(token, [...(instancesByToken.get(token) ?? []), fate]);
      }
      const left = new Set([...is.values()].map(({ token }) => token));
      for (const [instance, { token }] of was) {
        const gone = { server, at };
        if (!left.has(token)) for (const fate of instancesByToken.get(token) ?? []) fate.gone.push(gone);
        else if (!is.has(instance))
          noteInstanceGone(fates.get(instance), { all: instancesByToken.get(token), was, gone });
      }
      const lessOften = withoutCopies(before, after, outside);
      for (const token of lessOften) instancesByToken.get(token)?.forEach((fate) => fate.gone.push({ server, at }));
      // Of a row that stands twice one copy was deleted: nobody can tell by its content what becomes of the other.
      const copies = copiesGone(drainedTwice, before, after);
      for (const instance of copies) noteGoneUncertain(fates.get(instance));
      noteUnseenOfCopies(fates, before, new Set([...lessOften, ...copies.map(tokenOf)]));
      for (const token of replacedWhole(byName, { before, after, steps }))
        instancesByToken.get(token)?.forEach((fate) => fate.replacedAt.add(at));
      noteUnseenColumns(fates, { before, was, left, gone: { server, at } });
    },
    forget: (server, since) => {
      for (const fate of fates.values()) forgetSince(fate, server, since);
    },
    leave: (server, vouched) => leaveServer(fates, server, vouched),
    writtenSince: (server, mark) => tokensSince(fates, server, mark),
    standing: () => [...fates.values()].filter(isStanding),
    deleted: () =>
      [...fates.values()].filter((fate) => {
        const isOne = !drainedTwice.has(fate.token) || fate.gone.some(({ at }) => at > agreedAt);
        return isOne && isDeleted(fate) && !moved.has(fate.token) && !outside.has(fate.token);
      }),
  };
}

/** Births of rows at whose key another row stands now, in tables that merge by whole rows. */
function replacedWhole(
  tables: ReadonlyMap<string, SimulatedTable>,
  { before, after, steps }: { before: readonly TableDump[]; after: readonly TableDump[]; steps: ReplacedRows },
): string[] {
  return after.flatMap((dump) => {
    const table = tables.get(dump.name);
    if (table?.isWholeRow !== true) return [];
    const was = before.find(({ name }) => name === dump.name);
    return [...replacedBirths(table, { before: was, after: dump, steps }).values()].flat().flatMap(tokensIn);
  });
}

function* cellNames(dumps: readonly TableDump[]): IterableIterator<string> {
  for (const dump of dumps)
    for (const row of dump.rows)
      for (const [column, cell] of row.entries()) yield `${dump.name}\0${dump.columns[column] ?? ''}\0${cell}`;
}

const freshFate = (
  { token, table, column, isBorn }: TokenPlace,
  instance: string,
  { server, at }: Fate['gone'][number],
): Fate => ({
  token,
  table,
  column,
  server,
  at,
  isBorn,
  instance,
  gone: [],
  replacedAt: new Set(),
  isUncertain: false,
  isGoneUncertain: false,
});

const isStanding = ({ gone, isUncertain, isGoneUncertain }: Fate): boolean =>
  gone.length === 0 && !isUncertain && !isGoneUncertain;

const isGoneFrom = ({ gone, isGoneUncertain }: Fate, server: number): boolean =>
  isGoneUncertain || gone.some((each) => each.server !== server);

const isDeleted = ({ isBorn, gone, replacedAt }: Fate): boolean => isBorn && gone.some(({ at }) => !replacedAt.has(at));

function noteGoneUncertain(fate: Fate | undefined): void {
  if (fate) fate.isGoneUncertain = true;
}

const tokensSince = (fates: ReadonlyMap<string, Fate>, server: number, mark: number): string[] =>
  [...fates.values()].flatMap((fate) => (fate.server === server && fate.at > mark ? [fate.token] : []));

function leaveServer(fates: ReadonlyMap<string, Fate>, server: number, vouched: ReadonlySet<string>): void {
  for (const fate of fates.values()) {
    const isVouched = vouched.has(fate.token) && !fate.isUncertain;
    forgetSince(fate, server, 0);
    if (isVouched && fate.server === server) fate.isUncertain = false;
  }
}

function forgetSince(fate: Fate, server: number, since: number): void {
  if (fate.server === server && fate.at > since) fate.isUncertain = true;
  const kept = fate.gone.filter((gone) => gone.server !== server || gone.at <= since);
  if (kept.length < fate.gone.length) fate.isGoneUncertain = true;
  fate.gone = kept;
}

interface Instances {
  readonly all: readonly Fate[] | undefined;
  readonly was: ReadonlyMap<string, TokenPlace>;
  readonly gone: Fate['gone'][number];
}

/**
 * One of the rows with this token is gone. A row goes by another name when its birth was overwritten elsewhere by REPLACE:
 * then nobody can tell which of the rows that are not shown here by their own name it was.
 */
function noteInstanceGone(fate: Fate | undefined, { all, was, gone }: Instances): void {
  if (fate) fate.gone.push(gone);
  else for (const other of all ?? []) if (!was.has(other.instance)) other.isGoneUncertain = true;
}

interface DeletedRows {
  readonly before: readonly TableDump[];
  readonly was: ReadonlyMap<string, TokenPlace>;
  /** Tokens that are shown after the transaction. */
  readonly left: ReadonlySet<string>;
  readonly gone: Fate['gone'][number];
}

/**
 * Who deletes a row deletes it with the columns that are not there yet, unseen. A row whose birth was overwritten
 * elsewhere goes by another name here: then nobody can tell whose unseen columns went.
 */
function noteUnseenColumns(fates: ReadonlyMap<string, Fate>, { before, was, left, gone }: DeletedRows): void {
  const columns = new Map(before.map((dump) => [dump.name, dump.columns]));
  const shown = new Set([...was.keys()].map(rowOf));
  for (const [instance, { token, table, isBorn }] of was) {
    if (!isBorn || left.has(token)) continue;
    const row = rowOf(instance);
    for (const [each, fate] of fates) {
      if (fate.table !== table || columns.get(table)?.includes(fate.column) !== false) continue;
      if (rowOf(each) === row) fate.gone.push(gone);
      else if (!shown.has(rowOf(each))) fate.isGoneUncertain = true;
    }
  }
}

/**
 * Of a row that stands twice, by the same birth, one copy was deleted, and with it what it had in columns that are not there
 * yet. Which of the copies had them, nobody can tell by what is shown.
 */
function noteUnseenOfCopies(
  fates: ReadonlyMap<string, Fate>,
  before: readonly TableDump[],
  births: ReadonlySet<string>,
): void {
  if (births.size === 0) return;
  const columns = new Map(before.map((dump) => [dump.name, dump.columns]));
  for (const [instance, fate] of fates)
    if (
      columns.get(fate.table)?.includes(fate.column) === false &&
      tokensIn(rowOf(instance)).some((token) => births.has(token))
    )
      fate.isGoneUncertain = true;
}

/** Instances of the rows in question of which fewer are shown than before. */
function copiesGone(
  rows: ReadonlySet<string>,
  before: readonly TableDump[],
  after: readonly TableDump[],
): readonly string[] {
  if (rows.size === 0) return [];
  const left = countInstances(after);
  return [...countInstances(before)].flatMap(([instance, count]) => {
    const isAsked = tokensIn(rowOf(instance)).some((token) => rows.has(token));
    return isAsked && count > (left.get(instance) ?? 0) ? [instance] : [];
  });
}

const tokenOf = (instance: string): string => instance.slice(0, instance.indexOf('@'));

/** The birth of the row, behind its `@`. */
const rowOf = (instance: string): string => instance.slice(instance.indexOf('@'));

const instanceOf = (token: string, row: readonly string[], bornAt: number): string =>
  `${token}@${row[bornAt] ?? row[0] ?? ''}`;

function countInstances(dumps: readonly TableDump[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const dump of dumps) {
    const bornAt = dump.columns.indexOf('born');
    for (const row of dump.rows)
      for (const token of new Set(row.flatMap(tokensIn))) {
        const instance = instanceOf(token, row, bornAt);
        counts.set(instance, (counts.get(instance) ?? 0) + 1);
      }
  }
  return counts;
}

function placesOf(byName: ReadonlyMap<string, SimulatedTable>, dumps: readonly TableDump[]): Map<string, TokenPlace> {
  const places = new Map<string, TokenPlace>();
  for (const dump of dumps) {
    const key = byName.get(dump.name)?.key;
    const keyNames =
      key?.kind === 'generated'
        ? [key.column]
        : key?.kind === 'natural'
          ? key.columns.map((column) => column.name)
          : [];
    const keyAt = keyNames.map((name) => dump.columns.indexOf(name));
    const bornAt = dump.columns.indexOf('born');
    for (const row of dump.rows) {
      const keyText = keyAt.map((at) => row[at]).join('\t');
      for (const [at, cell] of row.entries())
        for (const token of tokensIn(cell))
          places.set(instanceOf(token, row, bornAt), {
            token,
            table: dump.name,
            column: dump.columns[at] ?? '',
            isBorn: at === bornAt,
            key: keyText,
          });
    }
  }
  return places;
}

const tokensOf = (dump: TableDump): Set<string> => new Set(dump.rows.flatMap((row) => row.flatMap(tokensIn)));

/** Those of the tokens that fewer rows hold than before: of two copies each may be deleted by somebody who still sees the other. */
function withoutCopies(
  before: readonly TableDump[],
  after: readonly TableDump[],
  tokens: ReadonlySet<string>,
): readonly string[] {
  const left = rowsByToken(after, tokens);
  return [...rowsByToken(before, tokens)].flatMap(([token, count]) => ((left.get(token) ?? 0) < count ? [token] : []));
}

/** How many rows hold each of these tokens. */
function rowsByToken(dumps: readonly TableDump[], tokens: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  if (tokens.size === 0) return counts;
  for (const { rows } of dumps)
    for (const row of rows)
      for (const token of new Set(row.flatMap(tokensIn)))
        if (tokens.has(token)) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
}
