/** More ways in which tables refer to each other: to themselves and in circles, by value, and without a foreign key. */
import type { Plan } from './plan.js';
import type { Random } from './random.js';
import type { KeyReference, SimulatedReference, SimulatedTable } from './table-design.js';

const actions = ['SET NULL', 'CASCADE', 'RESTRICT', 'NO ACTION'] as const;

const plainTable = (name: string, key: SimulatedTable['key']): SimulatedTable => ({
  name,
  key,
  bornColumn: 'born',
  columns: [{ name: 'c0', type: '', isNotNull: false }],
  references: [],
});

/** Some tables of this kind of key, made when there are none. */
function withKeyKind(plan: Plan, kind: 'generated' | 'natural', made: SimulatedTable): readonly SimulatedTable[] {
  return plan.tables.some(({ key }) => key.kind === kind) ? plan.tables : [...plan.tables, made];
}

const indexesOf = (tables: readonly SimulatedTable[], kind: SimulatedTable['key']['kind']): number[] =>
  tables.flatMap(({ key }, index) => (key.kind === kind ? [index] : []));

export function withCircles(plan: Plan, random: Random): Plan {
  const made = plainTable('tree', { kind: 'generated', column: 'id', isAutoincrement: random.chance(0.5) });
  const tables = withKeyKind(plan, 'generated', made);
  const parents = indexesOf(tables, 'generated');
  const add = (table: SimulatedTable, index: number): SimulatedTable => {
    if (table.key.kind === 'bag') return table;
    const references: SimulatedReference[] = [];
    for (const parent of parents)
      if (parent >= index && random.chance(0.7))
        references.push({ column: `circle${parent}`, parent, onDelete: random.pick(actions) });
    return { ...table, references: [...table.references, ...references] };
  };
  return { ...plan, tables: tables.map(add) };
}

export function withDeclaredReferences(plan: Plan, random: Random): Plan {
  const made = plainTable('parents', { kind: 'generated', column: 'id', isAutoincrement: random.chance(0.5) });
  const tables = withKeyKind(plan, 'generated', made);
  const parents = indexesOf(tables, 'generated');
  return {
    ...plan,
    tables: tables.map((table) => {
      if (random.chance(0.3)) return table;
      const declared = Array.from({ length: random.between(1, 2) }, (_, number) => {
        const place = { column: `row${number}`, parent: random.pick(parents) };
        return random.chance(0.5) ? place : { ...place, list: random.pick(['json', 'text'] as const) };
      });
      return { ...table, declared };
    }),
  };
}

export function withKeyReferences(plan: Plan, random: Random): Plan {
  const isPair = random.chance(0.7);
  const columns = ['k1', 'k2']
    .slice(0, isPair ? 2 : 1)
    .map((name) => ({ name, type: random.pick(['TEXT', 'INT']), collation: '' as const }));
  const made = plainTable('keyed', { kind: 'natural', columns, isWithoutRowid: random.chance(0.3) });
  const tables = isPair || random.chance(0.5) ? [...plan.tables, made] : withKeyKind(plan, 'natural', made);
  const parents = indexesOf(tables, 'natural');
  const add = (table: SimulatedTable): SimulatedTable => {
    if (table.key.kind === 'bag' || random.chance(0.3)) return table;
    const parent = random.pick(parents);
    const key = tables[parent]?.key;
    const count = key?.kind === 'natural' ? key.columns.length : 0;
    const reference: KeyReference = {
      columns: Array.from({ length: count }, (_, at) => `of${at}`),
      parent,
      onDelete: random.pick(actions),
      onUpdate: random.pick(['CASCADE', 'CASCADE', 'SET NULL', 'NO ACTION']),
    };
    return { ...table, keyReferences: [reference] };
  };
  return { ...plan, tables: tables.map(add) };
}
