/**
 * Every bound of the encoded form, in one place. An encoder refuses to make what a decoder would refuse to read.
 * `docs/protocol-changesets.md` names each of them.
 */

/** Raw size at which a part or a snapshot chunk is closed. */
export const partBytesTarget = 256 * 1024;

/** What all values of one row may take together, encoded. A part is as large as its largest row needs. */
export const rowBytesMax = 256 * 1024 * 1024;

/** What is inside a part or chunk, raw: one row of the largest size, with its names. */
export const bodyBytesMax = rowBytesMax + 16 * 1024 * 1024;

/** A larger body travels raw, so that few bytes can never expand beyond this. */
export const compressedBodyBytesMax = 32 * 1024 * 1024;

const envelopeBytesMax = 64;
export const partBytesMax = bodyBytesMax + envelopeBytesMax;
export const snapshotChunkBytesMax = bodyBytesMax + envelopeBytesMax;

/** Rows (or aliases) of one part or chunk. */
export const rowsPerPartMax = 64 * 1024;

/**
 * Rows of one part times their columns, keys included, and the lives that its changes name. Bounds what a few bytes
 * (a column of nulls) can make a decoder allocate.
 */
export const cellsPerPartMax = 1024 * 1024;

/** The highest that SQLite can be compiled for. */
export const columnsMax = 32_767;

/** Names of tables and columns, in UTF-8. */
export const nameBytesMax = 4096;

/** Parts of one changeset: 2^24 parts of 256 KiB are 4 TiB. */
export const partsMax = 2 ** 24;

/** What a receiver keeps of one changeset that is not whole yet; beyond it the changeset is refused and forgotten. */
export const stagedBytesMax = 16 * 1024 * 1024 * 1024;

/** Origins in a vector, or in one part. */
export const originsMax = 65_536;

/** Lives that one change may name; more than one only for merged and revived rows. */
export const livesPerChangeMax = 65_536;

/** Confirmations on top of one value (rule R8). */
export const weakDepthMax = 2 ** 32;

if (rowBytesMax >= bodyBytesMax || partBytesTarget > rowBytesMax || rowsPerPartMax > cellsPerPartMax) {
  throw new RangeError('limits contradict each other');
}
if (2 * columnsMax + livesPerChangeMax > cellsPerPartMax) throw new RangeError('a single row would not fit a part');
