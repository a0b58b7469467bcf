import { noteKind, type NoteKind } from '../capture/note-kind.js';
import type { Note } from '../capture/note-store.js';
import { keyText } from '../merge/key-moves.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/**
 * Notes that were written before the row at their key was adopted. The group's row that has come to stand there is not the
 * one that was deleted or moved away: without this the next drain would end it, and insert what stands there as another
 * row, which would outlive it.
 */
export interface EarlyNotes {
  /** Takes such notes for plain updates. To be called at the start of each transaction, before rows are adopted in it. */
  lookAgain(): void;
}

export function createEarlyNotes({ connection, meta, notes, shadows, tables }: ReplicaContext): EarlyNotes {
  let seenUpTo = meta.number('cursor') ?? 0;
  const inserted = new Set<string>();
  /** Where rows went that had been adopted: their shadows follow with the next drain. */
  const movedTo = new Set<string>();
  let movedFrom: { readonly name: string; readonly isKnown: boolean } | null = null;

  function look(note: Note, table: SyncedTable): void {
    const key = note.key.slice(0, table.keySql.length);
    const name = `${table.number} ${keyText(table, key)}`;
    const isKnown = (): boolean => movedTo.has(name) || shadows.find(table, key) !== null;
    if (note.kind === noteKind.insert) inserted.add(name);
    else if (note.kind === noteKind.delete && !isKnown()) change(note, noteKind.update);
    else if (note.kind === noteKind.movedFrom) {
      movedFrom = { name, isKnown: isKnown() };
      if (!movedFrom.isKnown) change(note, noteKind.update);
    } else if (note.kind === noteKind.movedTo && movedFrom) {
      const { isKnown: isAdopted, name: from } = movedFrom;
      if (isAdopted) movedTo.add(name);
      else if (inserted.has(from)) inserted.add(name);
      if (!isAdopted) change(note, inserted.has(from) ? noteKind.insert : noteKind.update);
    }
  }

  const change = (note: Note, kind: NoteKind): void => {
    connection.cached('UPDATE _usync_notes SET op = ? WHERE seq = ?').run(BigInt(kind), BigInt(note.seq));
  };

  return {
    lookAgain() {
      const upTo = notes.newest();
      if (upTo <= seenUpTo) return;
      const width = Math.max(1, ...tables.all().map((table) => table.keySql.length));
      for (const note of notes.read({ after: seenUpTo, upTo }, width)) {
        const table = tables.byNumber(note.table);
        if (table) look(note, table);
      }
      seenUpTo = upTo;
    },
  };
}
