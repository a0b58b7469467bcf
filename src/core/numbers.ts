import { keyText } from './key-text.js';
import type { Scene } from './scene.js';
import { substituteNumber } from './substitute.js';
import { RowReference, type SqlValue } from './value.js';

/**
 * Gives the numbers of a table (rule R5) among all its living rows, hidden or not, so that hiding a row moves no other.
 * Per number the eldest row keeps it; each other row, elder first, gets the first free substitute.
 */
export function assignNumbers(scene: Scene, table: string): void {
  const plan = scene.planOf(table);
  const [column] = plan.schema.key;
  if (!plan.isNumbered || column === undefined) return;
  const rows = scene.rowsOf(table);
  const taken = new Set<string>();
  const waiting: { readonly row: (typeof rows)[number]; readonly wanted: SqlValue }[] = [];
  for (const row of rows) {
    if (row.doubleOf) continue;
    const value = row.cells.get(column)?.value ?? null;
    const wanted = value instanceof RowReference ? null : value;
    const text = keyText([wanted], plan.keyCollations);
    if (taken.has(text)) waiting.push({ row, wanted });
    else {
      row.number = wanted;
      taken.add(text);
    }
  }
  for (const { row, wanted } of waiting) {
    for (let attempt = 0; ; attempt++) {
      const number = substituteNumber(row.row, wanted, attempt, plan.isUnsigned);
      const text = keyText([number]);
      if (taken.has(text) || scene.surroundings.isNumberTaken(table, number)) continue;
      row.number = number;
      row.isProvisional = true;
      taken.add(text);
      break;
    }
  }
  for (const row of rows) if (row.doubleOf) row.number = row.doubleOf.number;
}
