/** Writing in the model: changesets of applications, and confirmations (rule R8). */
import { applyChange, record } from './model-merging.js';
import { hashOf, nameOf, originOfName, serverOf, weakStamp, writeStamp } from './model-names.js';
import type { Change, ModelCell, ModelChangeset, ModelReplica, ModelTable, ModelValue } from './model-state.js';
import { meantRow, plain, rowsIn, viewOfModel, type ModelRow, type ModelView } from './model-view.js';

export interface ModelWriter {
  readonly stamp: number;
  readonly changes: readonly Change[];
  /** Stamp of a cell that replaces nothing. */
  readonly at: string;
  /** Above the column's cell in every one of these lives: a late note may carry the very stamp of one. */
  atAbove(lives: readonly string[], column: string): string;
  /** Above one stamp. */
  above(stamp: string | undefined): string;
  nextLife(): string;
  /** Applies a change at once, so that later ones see it. */
  put(change: Change): void;
  commit(): ModelChangeset | null;
}

/** `written` is when the application wrote, which may lie before the drain: cells carry it, lives and vectors never do. */
export function beginChangeset(
  replica: ModelReplica,
  options: { readonly now: number; readonly isDuty?: boolean; readonly written?: number; readonly nonce: number },
): ModelWriter {
  const { now, isDuty = false, written = Infinity, nonce } = options;
  const { origin, rules } = replica;
  const stamp = Math.max(replica.clock + 1, now, (replica.vector[origin] ?? 0) + 1);
  const cellStamp = Math.min(stamp, written);
  const changes: Change[] = [];
  const above = (replaced: string | undefined): string =>
    writeStamp(
      rules.cellsGrow && replaced !== undefined ? Math.max(cellStamp, Number(replaced.slice(0, 9)) + 1) : cellStamp,
      origin,
    );
  return {
    stamp,
    changes,
    at: writeStamp(cellStamp, origin),
    above,
    atAbove: (lives, column) =>
      above(
        lives
          .flatMap((life) => replica.lives.get(life)?.columns[column]?.at ?? [])
          .toSorted()
          .at(-1),
      ),
    nextLife: () => nameOf(stamp, origin, changes.length),
    put: (change) => {
      changes.push(change);
      applyChange(replica, change);
    },
    commit: () => {
      if (changes.length === 0) return null;
      const last = replica.points.get(origin)?.at(-1);
      const changeset: ModelChangeset = {
        origin,
        stamp,
        prev: last?.stamp ?? 0,
        seen: { ...replica.vector },
        changes,
        isDuty,
        chain: `${hashOf(`${last?.chain ?? ''}/${nonce}`).toString(36)}:${nonce}`,
      };
      record(replica, changeset);
      replica.clock = stamp;
      return changeset;
    },
  };
}

/** What an application's delete or re-key of a visible row also ends: everything hidden behind it as the same thing. */
export const hiddenBehind = (view: ModelView, row: ModelRow): ModelRow[] =>
  rowsIn(view, row.table).filter(
    (other) => other.behind === row.row && (other.status === 'key-loser' || other.status === 'merging'),
  );

/**
 * Who confirms for an origin: its server, or if that is removed its heir, or that one's heir. Servers that removed each
 * other have none: then it is the smallest member.
 */
export function dutyHolder({ group, heirs, rules }: ModelReplica, origin: string): string {
  const passed = new Set<string>();
  let holder = serverOf(origin);
  for (let heir = heirs[holder]; heir !== undefined; heir = heirs[holder]) {
    if (passed.has(holder))
      return (rules.circlesAreSettled ? group.filter((id) => !(id in heirs)).toSorted()[0] : undefined) ?? holder;
    passed.add(holder);
    holder = heir;
  }
  return holder;
}

/** One round of confirmations that are this server's duty, as one ordinary changeset. Null when nothing is due. */
export function confirmModel(replica: ModelReplica, now: number, nonce: number): ModelChangeset | null {
  const view = viewOfModel(replica);
  const writer = beginChangeset(replica, { now, isDuty: true, nonce });
  const revived = new Set<string>();
  for (const table of replica.schema)
    for (const row of rowsIn(view, table.name)) {
      for (const reference of table.references) confirmParent({ replica, view, writer, revived }, row, reference);
      if (dutyHolder(replica, originOfName(row.row)) === replica.server) confirmRow(replica, writer, row);
    }
  return writer.commit();
}

function confirmRow(replica: ModelReplica, writer: ModelWriter, row: ModelRow): void {
  if (row.status === 'cascading') return writer.put({ kind: 'end', lives: row.lives, why: 'cascade' });
  if (row.status === 'merging' && row.behind !== null) {
    const at = writer.above(replica.aliases.get(row.row)?.at);
    return writer.put({ kind: 'merge', from: row.row, lives: row.lives, alias: { to: row.behind, at } });
  }
  if (row.isProvisional) confirmValue(replica, writer, row, { column: 'key', value: row.key });
  if (row.status === 'renaming' && row.clash !== null) {
    const value = `${plain(row.columns[row.clash]?.value) ?? ''}~${row.row}`;
    confirmValue(replica, writer, row, { column: row.clash, value });
  }
}

function confirmValue(
  replica: ModelReplica,
  writer: ModelWriter,
  row: ModelRow,
  { column, value }: { readonly column: string; readonly value: ModelValue },
): void {
  const replaced = row.columns[column]?.at ?? '';
  const at = replica.rules.weakConfirmations ? weakStamp(replaced, writer.stamp, replica.origin) : writer.at;
  writer.put({ kind: 'update', lives: row.lives, columns: { [column]: { value, at } } });
}

interface Revivals {
  readonly replica: ModelReplica;
  readonly view: ModelView;
  readonly writer: ModelWriter;
  readonly revived: Set<string>;
}

/** R7.4: the writer of a reference had the parent alive, so it holds its values when the delete arrives. */
function confirmParent(
  { replica, view, writer, revived }: Revivals,
  row: ModelRow,
  { column, onDelete }: ModelTable['references'][number],
): void {
  const cell = row.columns[column];
  const id = meantRow(cell);
  if (!cell || id === null || view.resolve(id) || row.status === 'cascading' || row.status === 'key-loser') return;
  const writers = onDelete === 'cascade' ? [...row.neededBy] : [originOfName(cell.at)];
  if (!writers.some((origin) => dutyHolder(replica, origin) === replica.server)) return;
  if (onDelete === 'set null') {
    if (replica.rules.nullIsDerived) return;
    const columns: Record<string, ModelCell> = { [column]: { value: null, at: writer.at } };
    return writer.put({ kind: 'update', lives: row.lives, columns });
  }
  const dead = lastKnown(replica, id);
  const last = dead === null ? undefined : replica.remembered.get(dead);
  if (dead === null || !last || revived.has(dead)) return;
  revived.add(dead);
  const columns = { ...last.columns };
  writer.put({ kind: 'insert', life: writer.nextLife(), row: dead, table: last.table, columns, isRevival: true });
}

/** The last row on the alias chain whose values are still known here. */
function lastKnown(replica: ModelReplica, row: string): string | null {
  let known: string | null = null;
  let id: string | null = row;
  while (id !== null) {
    if (replica.remembered.has(id)) known = id;
    const next: string | undefined = replica.aliases.get(id)?.to;
    id = next !== undefined && next < id ? next : null;
  }
  return known;
}
