/** A seeded world for the model: a random schema, servers with wrong clocks, and the judge's memory of what happened. */
import { addFacts, emptyFacts, factsOf, type Facts } from './facts.js';
import { finalRules, substituteAbove, type Rules } from './model-rules.js';
import {
  createModelReplica,
  type ModelChangeset,
  type ModelColumnRule,
  type ModelReplica,
  type ModelTable,
} from './model-state.js';
import { createSeededRandom, type SeededRandom } from './random.js';

import { migrate, randomLacks, schemaWithout } from './world-skew.js';

export interface ModelServer {
  replica: ModelReplica;
  readonly skew: number;
  readonly isLazy: boolean;
  readonly backups: ModelReplica[];
}

export interface World {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly schema: readonly ModelTable[];
  readonly rules: Rules;
  readonly ids: readonly string[];
  readonly uniqueValues: number;
  readonly deletes: number;
  readonly countsFromTop: boolean;
  readonly isForking: boolean;
  /** A clock so coarse that servers, and clones, use the same stamps. */
  readonly isCoarse: boolean;
  servers: ModelServer[];
  time: number;
  groups: Map<ModelServer, number> | null;
  /** Whether a removed server goes on writing, and syncs with those who have not heard of it. */
  readonly removedGoOn: boolean;
  nonce: number;
  /** How often an application has added to a counter. */
  additions: number;
  facts: Facts;
  readonly totals: Record<
    'writes' | 'confirmations' | 'snapshots' | 'removals' | 'restores' | 'clones' | 'cuts',
    number
  >;
  rounds: number;
}

/** Numbers from here on mark rows that were drained twice; applications write smaller ones. */
export const doubleMarker = 1_000_000;

export function createWorld(seed: number, rules: Rules): World {
  const random = createSeededRandom(seed);
  const tables = rules.hasCircles ? withCircles(randomSchema(random), random) : randomSchema(random);
  const keyed = rules.hasBags ? withBags(tables, createSeededRandom(seed + 0xba65)) : tables;
  const schema = rules.hasColumnRules ? withColumnRules(keyed, createSeededRandom(seed + 0x5eed)) : keyed;
  const used: Rules = {
    ...rules,
    ...(random.chance(0.3) ? { clockDrags: false } : {}),
    ...(random.chance(0.3) && rules.substitute === finalRules.substitute
      ? { substitute: substituteAbove(1 + random.below(4)) }
      : {}),
  };
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + random.below(4));
  const servers = ids.map((id) => ({
    replica: createModelReplica(id, schema, used, ids),
    skew: random.below(3) ? random.below(400) - 200 : 0,
    isLazy: random.chance(0.3),
    backups: [],
  }));
  const skewed = createSeededRandom(seed + 0x5ce3);
  if (rules.hasSkew)
    for (const { replica } of servers) migrate(replica, schemaWithout(schema, randomLacks(schema, skewed)));
  return {
    seed,
    random,
    schema,
    rules: used,
    ids,
    uniqueValues: 1 + random.below(5),
    deletes: 1 + random.below(4),
    countsFromTop: random.chance(0.3),
    isForking: random.chance(0.5),
    isCoarse: random.chance(0.3),
    servers,
    time: 1000,
    groups: null,
    removedGoOn: seed % 5 > 1,
    nonce: 0,
    additions: 0,
    facts: emptyFacts(),
    totals: { writes: 0, confirmations: 0, snapshots: 0, removals: 0, restores: 0, clones: 0, cuts: 0 },
    rounds: 0,
  };
}

function randomSchema(random: SeededRandom): ModelTable[] {
  const tables: ModelTable[] = [];
  for (let i = 0, count = 2 + random.below(3); i < count; i++) {
    const generated = tables.filter((table) => table.key === 'generated');
    const references = Array.from({ length: i && generated.length ? random.below(3) : 0 }, (_, r) => ({
      column: `ref${r}`,
      to: random.pick(generated).name,
      onDelete: random.pick(['cascade', 'set null', 'restrict'] as const),
    }));
    const uniques = Array.from({ length: random.below(3) }, (_, u) => ({
      column: `unique${u}`,
      policy: random.pick(['merge', 'merge', 'hold', 'rename'] as const),
    }));
    const key = i === 0 || random.chance(0.6) ? 'generated' : 'natural';
    tables.push({ name: `t${i}`, key, references, uniques });
  }
  return tables;
}

/** References of a table to itself, and to tables that reference it. */
function withCircles(tables: readonly ModelTable[], random: SeededRandom): ModelTable[] {
  return tables.map((table, i) => {
    const others = tables.filter(({ key }, other) => key === 'generated' && other >= i);
    const [first] = others;
    if (!first || !random.chance(0.7)) return table;
    const to = random.chance(0.6) ? (others.find((other) => other === table) ?? first) : random.pick(others);
    const onDelete = random.pick(['cascade', 'set null', 'restrict'] as const);
    return { ...table, references: [...table.references, { column: 'ring', to: to.name, onDelete }] };
  });
}

/** Columns and tables with a merge rule of their own. The seed's other choices stay as they are. */
function withColumnRules(tables: readonly ModelTable[], random: SeededRandom): ModelTable[] {
  return tables.map((table) => {
    const rules: Record<string, ModelColumnRule> = {};
    for (const [column, rule] of Object.entries({ count: 'counter', top: 'max', low: 'min', once: 'first' } as const))
      if (random.chance(0.5)) rules[column] = rule;
    for (const { column } of table.uniques)
      if (random.chance(0.3)) rules[column] = random.pick(['max', 'min', 'first'] as const);
    if (Object.keys(rules).length === 0) rules['count'] = 'counter';
    return { ...table, rules, isByRow: random.chance(0.4) };
  });
}

/** Nothing references a row that has no key. */
function withBags(tables: readonly ModelTable[], random: SeededRandom): ModelTable[] {
  const isParent = (name: string): boolean =>
    tables.some((table) => table.references.some((reference) => reference.to === name));
  const changed = tables.map((table): ModelTable =>
    isParent(table.name) || random.chance(0.3) ? table : { ...table, key: 'bag' },
  );
  const parent = changed.find(({ key }) => key === 'generated');
  const onDelete = random.pick(['cascade', 'set null', 'restrict'] as const);
  const references = parent && random.chance(0.5) ? [{ column: 'ref0', to: parent.name, onDelete }] : [];
  return [...changed, { name: 'bag', key: 'bag', references, uniques: [] }];
}

export function nowOf(world: World, server: ModelServer): number {
  world.time += world.isCoarse ? world.random.below(2) : 1 + world.random.below(3);
  return Math.max(1, world.time + server.skew);
}

/** What really happened, as far as this server can know. After a rename the names of the world differ by server. */
export const factsFor = (world: World, server: ModelServer): Facts =>
  world.isForking ? factsOf(server.replica.archive.values()) : world.facts;

export function note(world: World, changeset: ModelChangeset | null): void {
  if (changeset && !world.isForking) addFacts(world.facts, changeset);
}

/** The door: who knows that the other was removed lets it in no more, and takes nothing of it. */
export const trustEachOther = ({ replica: a }: ModelServer, { replica: b }: ModelServer): boolean =>
  !(a.server in b.heirs) && !(b.server in a.heirs);

/** Servers that trust each other at the end, without those who have heard of their own removal. */
export function groupsOf({ servers }: World): readonly (readonly ModelServer[])[] {
  const groups: ModelServer[][] = [];
  for (const server of servers.filter(({ replica }) => !(replica.server in replica.heirs))) {
    const group = groups.find((members) => members.every((member) => trustEachOther(member, server)));
    if (group) group.push(server);
    else groups.push([server]);
  }
  return groups;
}
