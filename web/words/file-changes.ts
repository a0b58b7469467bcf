import type { Change } from '../../src/http/contract/activity-schemas.js';

/** What happened to one file in one transaction. */
export interface FileChange {
  readonly path: string;
  readonly kind: 'added' | 'changed' | 'deleted' | 'attributes';
  /** Bytes; null where it is not known or nothing stands. */
  readonly sizeBefore: number | null;
  readonly sizeNow: number | null;
}

/**
 * An edit of a file ends the row of its old version and inserts one of the new version, so both together are one change
 * of the file.
 */
export function fileChanges(changes: readonly Change[]): readonly FileChange[] {
  const byPath = new Map<string, Change[]>();
  for (const change of changes) {
    const path = change.key[0] ?? change.record_id;
    byPath.set(path, [...(byPath.get(path) ?? []), change]);
  }
  return [...byPath].map(([path, all]) => {
    const inserted = all.find(({ operation }) => operation === 'insert');
    const ended = all.find(({ operation }) => operation === 'delete');
    const kind =
      inserted === undefined
        ? ended === undefined
          ? 'attributes'
          : 'deleted'
        : ended === undefined
          ? 'added'
          : 'changed';
    return { path, kind, sizeBefore: sizeIn(ended?.old_data), sizeNow: sizeIn(inserted?.data) };
  });
}

function sizeIn(data: Change['data'] | undefined): number | null {
  const size = data?.['size'];
  return typeof size === 'number' ? size : null;
}
