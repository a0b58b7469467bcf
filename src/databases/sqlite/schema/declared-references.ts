import type { ListSchema, ReferenceSchema, TableSchema } from '../../../core/table-schema.js';
import { foldName } from '../connection/identifiers.js';
import { affinityOf } from '../../../core/reference-form.js';
import type { DiscoveredTable } from './discovered-table.js';

/** A column that holds numbers of rows of another table, though no foreign key says so. Declared by a person. */
export interface DeclaredReference {
  readonly column: string;
  readonly table: string;
  readonly list?: 'json' | 'text' | undefined;
}

/**
 * The schema with what was declared of it. What leads to no generated key needs nothing, since only such keys are given
 * anew; where the schema has a foreign key on the column, that counts.
 */
export function withReferences(
  schema: TableSchema,
  declared: readonly DeclaredReference[],
  all: readonly DiscoveredTable[],
): TableSchema {
  const references: ReferenceSchema[] = [];
  const lists: ListSchema[] = [];
  for (const { column: name, table, list } of declared) {
    const column = schema.columns.find((each) => foldName(each.name) === foldName(name));
    const parent = all.find((each) => foldName(each.name) === foldName(table));
    const [parentColumn] = parent?.schema.key ?? [];
    if (!column || !parent || parentColumn === undefined || !hasNumbers(parent)) continue;
    const place = { column: column.name, parentTable: parent.name, parentColumn };
    // A number in a column of text is compared and written as text.
    if (list !== undefined || affinityOf(column.declaredType) === 'TEXT') {
      if (parent.isRowidKey) lists.push({ ...place, format: list ?? 'text' });
    } else if (!schema.references.some(({ columns }) => columns.length === 1 && columns[0] === column.name)) {
      references.push({
        columns: [column.name],
        parentTable: parent.name,
        parentColumns: [parentColumn],
        onDelete: 'leave',
        byRow: true,
      });
    }
  }
  if (references.length === 0 && lists.length === 0) return schema;
  // A key that belongs to another row is not handed out here.
  const follows = references.some(({ columns }) => schema.key.length === 1 && columns[0] === schema.key[0]);
  return {
    ...schema,
    keyKind: follows ? 'natural' : schema.keyKind,
    references: [...schema.references, ...references],
    ...(lists.length > 0 && { lists }),
  };
}

/** Its own, or those of a row that it extends. */
const hasNumbers = ({ isRowidKey, schema }: DiscoveredTable): boolean =>
  isRowidKey ||
  (schema.key.length === 1 && schema.references.some(({ byRow, columns }) => byRow && columns[0] === schema.key[0]));
