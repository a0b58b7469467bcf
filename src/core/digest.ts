/**
 * Digests prove that two replicas show the same rows. A row's hash is a sum over its columns, a table's digest a sum
 * over its rows, so both are kept up to date by subtraction and addition, in any order of changes.
 */

/** 48 bits, so that it is exact as a JavaScript number, small in a database, and can be summed without BigInt. */
export type RowHash = number;

const limit = 2 ** 48;

/** What is shown of one table: how many rows, and the sum of their hashes modulo 2^48. */
export interface TableDigest {
  readonly rows: number;
  readonly sum: number;
  /** Which columns were hashed (`columnsHash`), where that is told: a migration reaches one server after the other. */
  readonly columns?: number;
}

export const emptyDigest: TableDigest = { rows: 0, sum: 0 };

export const addHash = (sum: number, hash: RowHash): number => (sum + hash) % limit;
export function sumOf(hashes: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < hashes.length; i++) sum = addHash(sum, hashes[i] ?? 0);
  return sum;
}
export const subtractHash = (sum: number, hash: RowHash): number => (sum - hash + limit) % limit;

export const isSameDigest = (a: TableDigest, b: TableDigest): boolean => a.rows === b.rows && a.sum === b.sum;

/** Digests of a whole dataset by table name. An empty table equals an absent one. */
export type DatasetDigest = ReadonlyMap<string, TableDigest>;

/**
 * Tables that have other columns on the other side are not compared: their rows cannot have the same hashes. Nor are those
 * that one side has not (it dropped them, or calls them otherwise), where it tells of every table; nor those that one of the
 * two says to leave out, wholly or in a column: "orders: why", "orders.note: why".
 */
export function tablesThatDiffer(a: DatasetDigest, b: DatasetDigest, leftOut: readonly string[] = []): string[] {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names]
    .filter((name) => {
      const [here, there] = [a.get(name) ?? emptyDigest, b.get(name) ?? emptyDigest];
      return !isSameDigest(here, there) && isComparable(a.get(name), b.get(name)) && !isLeftOut(leftOut, name);
    })
    .toSorted();
}

/** How a side says that what others have of a table waits there, without anybody having left it out. */
export const tableNotHere = (table: string): string => `${table}: the table is not here`;
export const rowTooLarge = (table: string): string => `${table}: a row is too large to be sent`;
export const columnNotHere = (table: string, column: string): string => `${table}.${column}: ${missingColumn}`;
const missingColumn = 'the column is not here';

/** Tables of which the digests say nothing: they have other columns on the other side, or rows only on one. */
export function tablesNotCompared(a: DatasetDigest, b: DatasetDigest, leftOut: readonly string[] = []): string[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((name) => {
      if (isWaitedFor(leftOut, name)) return true;
      const [here, there] = [a.get(name), b.get(name)];
      const isEmptyElsewhere = (here === undefined || there === undefined) && (here ?? there)?.rows === 0;
      return !isEmptyElsewhere && !isComparable(here, there) && !isLeftOut(leftOut, name);
    })
    .toSorted();
}

const isWaitedFor = (remarks: readonly string[], table: string): boolean =>
  remarks.some(
    (remark) =>
      remark === tableNotHere(table) ||
      remark === rowTooLarge(table) ||
      (remark.startsWith(`${table}.`) && remark.endsWith(`: ${missingColumn}`)),
  );

function isComparable(here: TableDigest | undefined, there: TableDigest | undefined): boolean {
  if (here && there) return hasSameColumns(here, there);
  return (here ?? there)?.columns === undefined;
}

const hasSameColumns = (a: TableDigest, b: TableDigest): boolean =>
  a.columns === undefined || b.columns === undefined || a.columns === b.columns;

/** "order items: why" says nothing of a table "order". */
const isLeftOut = (remarks: readonly string[], table: string): boolean =>
  remarks.some((remark) => remark.startsWith(`${table}: `) || remark.startsWith(`${table}.`));
