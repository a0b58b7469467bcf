/** Migrations that every server runs, each at a time of its own: tables and columns come, go and get other names. */
import type { Plan, Step } from './plan.js';
import type { Random } from './random.js';
import type { SimulatedKey, SimulatedTable, TableChange } from './table-design.js';

export function withMigrations(plan: Plan, random: Random): Plan {
  const tables = [...plan.tables];
  const migrations: TableChange[] = [];
  for (let number = 0, count = random.between(1, 4); number < count; number++) {
    const change = randomChange(migratingOf(plan, tables, migrations), random, number);
    if (change) migrations.push(change);
  }
  const steps: Step[] = [];
  for (let server = 0; server < plan.options.servers; server++)
    for (let upTo = 1; upTo <= migrations.length; upTo++)
      if (random.chance(0.5)) steps.push({ atMs: random.below(plan.options.writingMs), kind: 'migrate', server, upTo });
  return { ...plan, tables, migrations, steps: [...plan.steps, ...steps].toSorted((a, b) => a.atMs - b.atMs) };
}

const migratingOf = (plan: Plan, tables: SimulatedTable[], migrations: readonly TableChange[]): Migrating => ({
  tables,
  migrations,
  referenced: referencedTables(plan),
  leftOut: new Set((plan.leftOut ?? []).map(({ table }) => table)),
});

interface Migrating {
  readonly tables: SimulatedTable[];
  readonly migrations: readonly TableChange[];
  readonly referenced: ReadonlySet<number>;
  /** Tables of which one server leaves something out, by name. */
  readonly leftOut: ReadonlySet<number>;
}

const referencedTables = ({ tables }: Plan): Set<number> =>
  new Set(
    tables.flatMap(({ references, declared = [], keyReferences = [] }) =>
      [...references, ...declared, ...keyReferences].map(({ parent }) => parent),
    ),
  );

function randomChange(migrating: Migrating, random: Random, number: number): TableChange | null {
  const { tables, migrations, referenced } = migrating;
  const kind = random.pick(['drop-column', 'rename-column', 'rename-table', 'drop-table', 'create-table'] as const);
  if (kind === 'create-table') return createTable(tables, random, number);
  const gone = new Set(migrations.flatMap((change) => (change.kind === 'drop-table' ? [change.table] : [])));
  const left = tables.flatMap((_, index) => (gone.has(index) ? [] : [index]));
  const table = left.length > 0 ? random.pick(left) : -1;
  const design = tables[table];
  if (!design) return null;
  // A known limit: who makes a table and renames it, or a column, before anybody looked, cannot know the name that others use.
  if (design.isLater === true && (kind === 'rename-table' || kind === 'rename-column')) return null;
  if (migrating.leftOut.has(table) && kind !== 'drop-table') return null;
  if (kind === 'drop-table') return left.length > 1 && !referenced.has(table) ? { kind, table } : null;
  // What a person set for a table or a column goes by its name.
  if (kind === 'rename-table') {
    const isNamed = hasSettings(design) || migrations.some((each) => each.kind === kind && each.table === table);
    return isNamed || referenced.has(table) ? null : { kind, table, to: `renamed${number}` };
  }
  const touched = new Set(
    migrations.flatMap((change) => ('column' in change ? [`${change.table} ${columnOf(change)}`] : [])),
  );
  // Another known limit: of neighbours of which one is dropped and one renamed at once, only rows tell which is which.
  const isBeside = (name: string): boolean => {
    const at = design.columns.findIndex((column) => column.name === name);
    return [at - 1, at + 1].some((place) => touched.has(`${table} ${design.columns[place]?.name ?? ''}`));
  };
  const columns = design.columns.filter(
    ({ name, rule, isUnique, isOfUnique }) =>
      !rule && !isUnique && !isOfUnique && !design.checks && !touched.has(`${table} ${name}`) && !isBeside(name),
  );
  // Applications change something.
  if (columns.length === 0 || (kind === 'drop-column' && columns.length === 1)) return null;
  const column = random.pick(columns).name;
  return kind === 'drop-column' ? { kind, table, column } : { kind, table, column, to: `renamed${number}` };
}

const columnOf = (change: TableChange & { readonly column: unknown }): string =>
  typeof change.column === 'string' ? change.column : '';

const hasSettings = ({ columns, isWholeRow, uniquePolicy, declared }: SimulatedTable): boolean =>
  isWholeRow === true || uniquePolicy !== undefined || declared !== undefined || columns.some(({ rule }) => rule);

type CreateTable = TableChange & { readonly kind: 'create-table' };

/** Tokens of migrations are the same on every server, and far from all others. */
const firstToken = 9_000_000;

export function createTable(tables: SimulatedTable[], random: Random, number: number): CreateTable {
  const keys: readonly SimulatedKey[] = [
    { kind: 'generated', column: 'id', isAutoincrement: random.chance(0.5) },
    {
      kind: 'natural',
      columns: [{ name: 'code', type: 'TEXT', collation: '' }],
      isWithoutRowid: random.chance(0.5),
    },
  ];
  tables.push({
    name: `later${number}`,
    key: random.pick(keys),
    bornColumn: 'born',
    columns: [
      { name: 'c0', type: 'TEXT', isNotNull: false },
      { name: 'c1', type: '', isNotNull: false },
    ],
    references: [],
    isLater: true,
  });
  const tokens = Array.from({ length: random.pick([0, 0, 1, 3]) }, (_, at) => `w${firstToken + number * 100 + at}~`);
  return { kind: 'create-table', table: tables.length - 1, tokens };
}
