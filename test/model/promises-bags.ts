/** Tables without a key: what was inserted and not deleted is there as often as it was inserted. */
import { check } from './check-failure.js';
import type { ModelChangeset, ModelTable } from './model-state.js';
import type { ModelView } from './model-view.js';

export function checkBags(
  schema: readonly ModelTable[],
  { view, arrived }: { readonly view: ModelView; readonly arrived: readonly ModelChangeset[] },
): void {
  const bags = schema.filter(({ key }) => key === 'bag');
  if (bags.length === 0) return;
  const changes = arrived.flatMap((changeset) => changeset.changes);
  const ended = new Set(changes.flatMap((change) => (change.kind === 'end' ? change.lives : [])));
  for (const table of bags) {
    const living = changes.flatMap((change) =>
      change.kind === 'insert' && change.table === table.name && !ended.has(change.life) ? [change.life] : [],
    );
    const rows = view.rowsByTable.get(table.name) ?? [];
    const known = new Set(rows.flatMap(({ lives }) => lives));
    for (const life of living) check(known.has(life), 'BAG: a row is missing', () => life);
    check(known.size === living.length, 'BAG: a row came back', () => table.name);
    if (table.uniques.some(({ policy }) => policy === 'merge')) continue;
    check(rows.length === living.length, 'BAG: equal rows became one', () => table.name);
    const isPlain = table.uniques.length === 0 && table.references.length === 0;
    const isShown = !isPlain || rows.every(({ status }) => status === 'visible');
    check(isShown, 'BAG: a row is hidden', () => table.name);
  }
}
