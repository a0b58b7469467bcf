/**
 * Gives a forked branch a name of its own (decision 1): whatever `origin` did after the stamp `after` was done by `to`.
 * Lives, stamps of cells and what was seen follow, so nothing of the branch can be taken for the other history.
 * Stamps up to `after` belong to both histories and keep their name.
 */
import type { CellStamp } from './cell-stamp.js';
import type { CellStampExceptions, ChangeBlock, ChangesetHeader, InsertBlock, UpdateBlock } from './changeset.js';
import type { LifeName } from './life.js';
import type { OriginId } from './origin.js';
import { higherStamp, zeroStamp, type Stamp } from './stamp.js';
import { RowReference, type CellValue } from './value.js';
import { emptyChain, type ChainHash } from './version-vector.js';

export interface OriginRenaming {
  readonly origin: OriginId;
  readonly after: Stamp;
  readonly to: OriginId;
}

const isRenamed = (named: { origin: OriginId; stamp: Stamp }, { origin, after }: OriginRenaming): boolean =>
  named.origin === origin && named.stamp > after;

export const renameLife = (life: LifeName, renaming: OriginRenaming): LifeName =>
  isRenamed(life, renaming) ? { ...life, origin: renaming.to } : life;

export function renameCellStamp(at: CellStamp, renaming: OriginRenaming): CellStamp {
  const renamed = isRenamed(at, renaming) ? { ...at, origin: renaming.to } : at;
  return at.weak && isRenamed(at.weak, renaming) ? { ...renamed, weak: { ...at.weak, origin: renaming.to } } : renamed;
}

/**
 * `prevChain` is the chain hash of the new origin before this changeset; a changeset of another origin keeps its own.
 * The first changeset of the branch becomes the first of the new origin, and says where it branched off.
 */
export function renameOriginInHeader(
  header: ChangesetHeader,
  renaming: OriginRenaming,
  prevChain: ChainHash,
): ChangesetHeader {
  const seen = new Map<OriginId, Stamp>();
  for (const [origin, stamp] of header.seen) {
    const name = isRenamed({ origin, stamp }, renaming) ? renaming.to : origin;
    seen.set(name, higherStamp(seen.get(name) ?? zeroStamp, stamp));
  }
  if (!isRenamed(header, renaming)) return { ...header, seen };
  const renamed = { ...header, seen, origin: renaming.to };
  if (header.prev > renaming.after) return { ...renamed, prevChain };
  const { origin, after } = renaming;
  if (after > zeroStamp) seen.set(origin, higherStamp(seen.get(origin) ?? zeroStamp, after));
  return { ...renamed, prev: zeroStamp, prevChain: emptyChain, branchOf: { origin, after } };
}

/** `header` is that of the block's changeset before its renaming. */
export function renameOriginInBlock(
  block: ChangeBlock,
  header: Pick<ChangesetHeader, 'origin' | 'stamp'>,
  renaming: OriginRenaming,
): ChangeBlock {
  const lives = (named: readonly LifeName[]): LifeName[] => named.map((life) => renameLife(life, renaming));
  switch (block.kind) {
    case 'insert':
      return {
        ...block,
        rows: new Map([...block.rows].map(([position, life]) => [position, renameLife(life, renaming)])),
        cellStamps: renamedCellStamps(block, header, renaming),
        values: block.values.map((column) => renamedValues(column, renaming)),
      };
    case 'update':
      return {
        ...block,
        lives: block.lives.map(lives),
        cellStamps: renamedCellStamps(block, header, renaming),
        values: block.values.map((column) => renamedValues(column, renaming)),
      };
    case 'end':
      return { ...block, lives: block.lives.map(lives) };
    case 'merge':
      return {
        ...block,
        from: lives(block.from),
        to: lives(block.to),
        at: block.at.map((at) => renameCellStamp(at, renaming)),
      };
  }
}

function renamedValues(column: readonly CellValue[], renaming: OriginRenaming): readonly CellValue[] {
  if (!column.some((value) => value instanceof RowReference)) return column;
  return column.map((value) =>
    value instanceof RowReference ? new RowReference(renameLife(value.row, renaming)) : value,
  );
}

/**
 * Cells without an exception are stamped with the change's time and the changeset's origin. When that origin is renamed
 * but the write is from before the fork (noted then, drained later), the old stamp has to be said.
 */
function renamedCellStamps(
  block: InsertBlock | UpdateBlock,
  header: Pick<ChangesetHeader, 'origin' | 'stamp'>,
  renaming: OriginRenaming,
): CellStampExceptions {
  const renamed = new Map<number, Map<number, CellStamp>>();
  for (const [position, ofChange] of block.cellStamps) {
    renamed.set(position, new Map([...ofChange].map(([column, at]) => [column, renameCellStamp(at, renaming)])));
  }
  if (!isRenamed(header, renaming)) return renamed;
  block.times.forEach((stamp, position) => {
    if (stamp > renaming.after) return;
    const ofChange = renamed.get(position) ?? new Map<number, CellStamp>();
    block.columns.forEach((_, column) => {
      if (!ofChange.has(column)) ofChange.set(column, { stamp, origin: renaming.origin });
    });
    if (ofChange.size > 0) renamed.set(position, ofChange);
  });
  return renamed;
}
