/**
 * What a note says of the row at its key. A note is a hint: the truth is the row as it stands.
 * An update that changes the key writes two notes in a row beside the plain one: `movedFrom` with the old key, then
 * `movedTo` with the new.
 */
export const noteKind = {
  insert: 1,
  update: 2,
  delete: 3,
  movedFrom: 4,
  movedTo: 5,
  /** A row that REPLACE may be about to remove, because it holds a unique value that is being written. */
  rival: 6,
} as const;

export type NoteKind = (typeof noteKind)[keyof typeof noteKind];
