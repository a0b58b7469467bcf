/** Encodes pages of state for snapshots (rule R9): blocks of lives with all their cells, and aliases. */
import {
  createPartBudget,
  readCellStampExceptions,
  readColumns,
  readKeys,
  readNames,
  readRowCount,
  readRowsByPosition,
  type PartBudget,
} from './block-decoder.js';
import {
  badShape,
  beyondBound,
  checkColumns,
  writeCellStampExceptions,
  writeColumns,
  writeNames,
  writeRowsByPosition,
} from './block-encoder.js';
import type { History } from './branch.js';
import { beyondLimit, createByteReader, malformed } from './byte-reader.js';
import { createByteWriter } from './byte-writer.js';
import { at, readCellStamps, readLives, writeCellStamps, writeLives } from './life-codec.js';
import { cellsPerPartMax, rowsPerPartMax, snapshotChunkBytesMax } from './limits.js';
import { noCompression, packBody, readPackedBody, sealBody, type Compress, type Decompress } from './packed-body.js';
import { readHistory, writeHistory } from './history-codec.js';
import { createPartReader, createPartWriter, type PartReader, type PartWriter } from './part-dictionary.js';
import type { OriginId } from './origin.js';
import { readSeen, readStrays, writeSeen, writeStrays, type SeenStamps } from './seen-codec.js';
import type { Stray } from './stamp-span.js';
import { zeroStamp } from './stamp.js';
import type { AliasState, StateBlock } from './state-block.js';
import type { SqlValue } from './value.js';

export interface StateChunk {
  readonly blocks: readonly StateBlock[];
  readonly aliases: readonly AliasState[];
  /** What the sender knows of the changesets that made the state, by origin: by them forks are found. */
  readonly histories: ReadonlyMap<OriginId, History>;
  /** How far each origin had seen the others: tells what a later change replaced from what it ran into. */
  readonly seen: ReadonlyMap<OriginId, SeenStamps>;
  /** By origin, changesets whose cells have stamps that do not tell their changeset. */
  readonly strays: ReadonlyMap<OriginId, readonly Stray[]>;
  /** Tables of which the sender has lost rows, so that what the snapshot lacks of them has not ended. */
  readonly lost: ReadonlySet<string>;
}

const chunkFormat = 1;
const chunkFlag = { compressed: 1 } as const;
const stateTag = { bodyEnd: 0, block: 1, aliases: 2, history: 3, seen: 4, strays: 5, lost: 6 } as const;

/**
 * Throws USYNC-1507 for a chunk that no one may read: it holds at most `rowsPerPartMax` lives and aliases,
 * `cellsPerPartMax` cells, keys included, and `snapshotChunkBytesMax` bytes. Close it at about `partBytesTarget`.
 */
export function encodeStateChunk(chunk: Partial<StateChunk>, compress: Compress = noCompression): Uint8Array {
  const body = createByteWriter(4096);
  const part = createPartWriter(body, zeroStamp, []);
  let cells = 0;
  let rows = chunk.aliases?.length ?? 0;
  for (const block of chunk.blocks ?? []) {
    checkStateBlock(block);
    rows += block.count;
    cells += block.count * (block.columns.length + block.keyColumns.length);
    writeStateBlock(part, block);
  }
  if (rows > rowsPerPartMax) throw beyondBound('rows of a snapshot chunk', rows, rowsPerPartMax);
  if (cells > cellsPerPartMax) throw beyondBound('cells of a snapshot chunk', cells, cellsPerPartMax);
  writeAliases(part, chunk.aliases ?? []);
  for (const [origin, history] of chunk.histories ?? []) {
    body.byte(stateTag.history);
    part.origin(origin);
    writeHistory(body, history);
  }
  for (const [origin, seen] of chunk.seen ?? []) {
    body.byte(stateTag.seen);
    part.origin(origin);
    writeSeen(part, seen);
  }
  for (const [origin, strays] of chunk.strays ?? []) {
    body.byte(stateTag.strays);
    part.origin(origin);
    writeStrays(part, strays);
  }
  for (const table of chunk.lost ?? []) {
    body.byte(stateTag.lost);
    part.name(table);
  }
  body.byte(stateTag.bodyEnd);
  const packed = packBody(body.view(), compress);
  const out = createByteWriter(16);
  out.byte(chunkFormat);
  out.byte(packed.isCompressed ? chunkFlag.compressed : 0);
  return sealBody(out, packed);
}

function checkStateBlock(block: StateBlock): void {
  checkColumns(block.table, block.columns, block.values);
  checkColumns(block.table, block.keyColumns, block.keyColumns);
  const columns = [block.lives, block.stamps, block.keys, ...block.values];
  if (columns.some((column) => column.length !== block.count)) throw badShape(block.table, 'columns differ in length');
}

function writeStateBlock(part: PartWriter, block: StateBlock): void {
  const all = { from: 0, to: block.count };
  part.out.byte(stateTag.block);
  part.name(block.table);
  part.out.varint(block.count);
  writeNames(part, block.keyColumns);
  writeNames(part, block.columns);
  writeLives(part, block.lives);
  writeRowsByPosition(part, block.rows, all);
  writeCellStamps(part, block.stamps);
  writeCellStampExceptions(part, block, all);
  writeColumns(part, block.values, all);
  writeShownKeys(part, block);
}

/** A bit per life, low bits first, set where it is shown; then the key columns of those. */
function writeShownKeys(part: PartWriter, block: StateBlock): void {
  const { out } = part;
  const shown = block.keys.filter((key) => key !== null);
  for (let start = 0; start < block.count; start += 8) {
    let bits = 0;
    for (let i = 0; i < 8 && start + i < block.count; i++) if (block.keys[start + i] !== null) bits |= 1 << i;
    out.byte(bits);
  }
  const columns = block.keyColumns.map((_, k) => shown.map((key) => key[k] ?? null));
  writeColumns(part, columns, { from: 0, to: shown.length });
}

function writeAliases(part: PartWriter, aliases: readonly AliasState[]): void {
  const byTable = new Map<string, AliasState[]>();
  for (const alias of aliases) {
    const ofTable = byTable.get(alias.table);
    if (ofTable) ofTable.push(alias);
    else byTable.set(alias.table, [alias]);
  }
  for (const [table, ofTable] of byTable) {
    part.out.byte(stateTag.aliases);
    part.name(table);
    part.out.varint(ofTable.length);
    writeLives(
      part,
      ofTable.map((alias) => alias.from),
    );
    writeLives(
      part,
      ofTable.map((alias) => alias.to),
    );
    writeCellStamps(
      part,
      ofTable.map((alias) => alias.at),
    );
  }
}

/** Throws USYNC-1504 or USYNC-1507 for anything that `encodeStateChunk` does not make. */
export function decodeStateChunk(bytes: Uint8Array, decompress: Decompress): StateChunk {
  if (bytes.length > snapshotChunkBytesMax) {
    throw beyondLimit('bytes of a snapshot chunk', bytes.length, snapshotChunkBytesMax);
  }
  const input = createByteReader(bytes);
  if (input.byte() !== chunkFormat) throw malformed('the format of a snapshot chunk is not known');
  const flags = input.byte();
  if (flags > chunkFlag.compressed) throw malformed('a snapshot chunk has unknown flags');
  const body = createByteReader(readPackedBody(input, flags === chunkFlag.compressed, decompress));
  const part = createPartReader(body, zeroStamp, []);
  const budget = createPartBudget();
  const blocks: StateBlock[] = [];
  const aliases: AliasState[] = [];
  const histories = new Map<OriginId, History>();
  const seen = new Map<OriginId, SeenStamps>();
  const strays = new Map<OriginId, readonly Stray[]>();
  const lost = new Set<string>();
  for (;;) {
    const tag = body.byte();
    if (tag === stateTag.bodyEnd) break;
    if (tag === stateTag.block) blocks.push(readStateBlock(part, budget));
    else if (tag === stateTag.aliases) for (const alias of readAliases(part, budget)) aliases.push(alias);
    else if (tag === stateTag.history) histories.set(part.origin(), readHistory(body));
    else if (tag === stateTag.seen) seen.set(part.origin(), readSeen(part));
    else if (tag === stateTag.strays) strays.set(part.origin(), readStrays(part));
    else if (tag === stateTag.lost) lost.add(part.name());
    else throw malformed('a snapshot chunk holds something unknown');
  }
  if (body.left > 0) throw malformed('bytes are left behind its end');
  return { blocks, aliases, histories, seen, strays, lost };
}

function readStateBlock(part: PartReader, budget: PartBudget): StateBlock {
  const table = part.name();
  const count = readRowCount(part, budget);
  const keyColumns = readNames(part);
  const columns = readNames(part);
  budget.takeCells(count * (keyColumns.length + columns.length));
  return {
    table,
    count,
    keyColumns,
    columns,
    lives: readLives(part, count),
    rows: readRowsByPosition(part, count),
    stamps: readCellStamps(part, count),
    cellStamps: readCellStampExceptions(part, count, columns.length),
    values: readColumns(part, columns.length, count),
    keys: readShownKeys(part, keyColumns.length, count),
  };
}

function readShownKeys(part: PartReader, columnCount: number, count: number): (SqlValue[] | null)[] {
  const bits = part.input.take(Math.ceil(count / 8));
  const isShown = (i: number): boolean => ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
  let shownCount = 0;
  for (let i = 0; i < count; i++) if (isShown(i)) shownCount++;
  const columns = readKeys(part, columnCount, shownCount);
  const keys: (SqlValue[] | null)[] = [];
  let next = 0;
  for (let i = 0; i < count; i++) {
    if (isShown(i)) {
      const position = next++;
      keys.push(columns.map((column) => at(column, position)));
    } else keys.push(null);
  }
  return keys;
}

function readAliases(part: PartReader, budget: PartBudget): AliasState[] {
  const table = part.name();
  const count = readRowCount(part, budget);
  const from = readLives(part, count);
  const to = readLives(part, count);
  const stamps = readCellStamps(part, count);
  return from.map((life, i) => ({ table, from: life, to: at(to, i), at: at(stamps, i) }));
}
