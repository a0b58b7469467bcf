import type { ChangeBlock } from '../../../core/changeset.js';

/** A block of some changes of another, in the order of `chosen`. */
export function pickChanges<Block extends ChangeBlock>(block: Block, chosen: readonly number[]): Block;
export function pickChanges(block: ChangeBlock, chosen: readonly number[]): ChangeBlock {
  if (chosen.length === block.count) return block;
  const count = chosen.length;
  const pick = <T>(column: readonly T[]): T[] => chosen.map((i) => column[i] as T);
  switch (block.kind) {
    case 'insert':
      return {
        ...block,
        count,
        indexes: pick(block.indexes),
        rows: pickMap(block.rows, chosen),
        times: pick(block.times),
        cellStamps: pickMap(block.cellStamps, chosen),
        values: block.values.map(pick),
      };
    case 'update':
      return {
        ...block,
        count,
        lives: pick(block.lives),
        keys: block.keys.map(pick),
        times: pick(block.times),
        cellStamps: pickMap(block.cellStamps, chosen),
        values: block.values.map(pick),
      };
    case 'end':
      return { ...block, count, lives: pick(block.lives), keys: block.keys.map(pick) };
    case 'merge':
      return { ...block, count, from: pick(block.from), to: pick(block.to), at: pick(block.at) };
  }
}

function pickMap<T>(map: ReadonlyMap<number, T>, chosen: readonly number[]): ReadonlyMap<number, T> {
  if (map.size === 0) return map;
  const picked = new Map<number, T>();
  for (const [n, i] of chosen.entries()) {
    const value = map.get(i);
    if (value !== undefined) picked.set(n, value);
  }
  return picked;
}

export const rangeOf = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
