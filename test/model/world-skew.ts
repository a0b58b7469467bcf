/** Servers whose schema lacks tables or columns that others have, until they migrate. */
import type { ModelReplica, ModelTable } from './model-state.js';
import type { SeededRandom } from './random.js';

/** `table`, or `table.column`. */
export type Lacks = ReadonlySet<string>;

export function randomLacks(schema: readonly ModelTable[], random: SeededRandom): Lacks {
  const parts = schema.flatMap((table) => [
    table.name,
    ...['b', ...table.references.map(({ column }) => column), ...table.uniques.map(({ column }) => column)].map(
      (column) => `${table.name}.${column}`,
    ),
    ...Object.keys(table.rules ?? {}).map((column) => `${table.name}.${column}`),
  ]);
  const lacked = random.chance(0.6) ? parts.filter(() => random.chance(0.25)) : [];
  // Somebody has to write something.
  return new Set(lacked.filter((part) => part !== schema[0]?.name));
}

/** What is known of the schema here. A reference to a table that is not known says nothing. */
export function schemaWithout(schema: readonly ModelTable[], lacks: Lacks): ModelTable[] {
  return schema
    .filter(({ name }) => !lacks.has(name))
    .map((table) => {
      const has = (column: string): boolean => !lacks.has(`${table.name}.${column}`);
      const rules = Object.entries(table.rules ?? {}).filter(([column]) => has(column));
      const unknown = [...lacks].flatMap((part) =>
        part.startsWith(`${table.name}.`) ? [part.slice(table.name.length + 1)] : [],
      );
      return {
        name: table.name,
        key: table.key,
        ...(table.isByRow === undefined ? {} : { isByRow: table.isByRow }),
        references: table.references.filter(({ column, to }) => has(column) && !lacks.has(to)),
        uniques: table.uniques.filter(({ column }) => has(column)),
        ...(rules.length > 0 ? { rules: Object.fromEntries(rules) } : {}),
        unknown,
      };
    });
}

/**
 * Tables that two servers may compare: both know the same of them, and of every table that decides about their rows: those
 * they reference, and those that reference them, at any distance.
 */
export function comparableTables(a: ModelReplica, b: ModelReplica): string[] {
  const knownBy = ({ schema }: ModelReplica, name: string): string => {
    const table = schema.find((each) => each.name === name);
    return JSON.stringify(table ? [table.references, (table.unknown ?? []).toSorted()] : null);
  };
  return a.schema.flatMap(({ name }) => {
    const deciding = a.rules.relativesDecide ? relativesOf([...a.schema, ...b.schema], name) : [name];
    return deciding.every((each) => knownBy(a, each) === knownBy(b, each)) ? [name] : [];
  });
}

function relativesOf(schema: readonly ModelTable[], name: string): string[] {
  const found = new Set([name]);
  for (const each of found)
    for (const table of schema)
      for (const { to } of table.references)
        if (table.name === each) found.add(to);
        else if (to === each) found.add(table.name);
  return [...found];
}

export function migrate(replica: ModelReplica, schema: readonly ModelTable[]): void {
  replica.schema = schema;
  replica.version++;
}
