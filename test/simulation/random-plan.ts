/** A plan from a seed. Each run switches on only some features (swarm testing), so that rare mixtures get their turn. */
import { statementKinds, type Plan, type RunOptions, type StatementKind, type Step } from './plan.js';
import { addExtras, extrasNamed, type ExtraName } from './extra-features.js';
import { createRandom, type Random } from './random.js';
import { designTables, type DesignFeatures } from './table-design.js';

/** What the seeds may use; a caller narrows it, a run uses a random part of it. */
export interface PlanLimits {
  readonly features: DesignFeatures;
  readonly exchanges: readonly RunOptions['exchange'][];
  /** Clocks that jump while a run goes on; skew and rate are always used. */
  readonly clocks: boolean;
  readonly kills: boolean;
  readonly restores: boolean;
  readonly clones: boolean;
  /** Servers that come later, with rows of their own, copied ones or none; off unless asked for. */
  readonly joins: boolean;
  /** The same, of other features. */
  readonly extras: readonly ExtraName[];
  readonly schemaChanges: boolean;
  readonly serversMax: number;
  readonly stepsMin: number;
  readonly stepsMax: number;
}

export const allLimits: PlanLimits = {
  features: {
    keys: ['generated', 'autoincrement', 'natural', 'composite', 'bag'],
    oddNames: true,
    withoutRowid: true,
    references: true,
    uniques: true,
    collations: true,
    tablesMax: 3,
  },
  exchanges: ['direct', 'session'],
  clocks: true,
  kills: true,
  restores: true,
  clones: true,
  joins: false,
  extras: [],
  schemaChanges: true,
  serversMax: 5,
  stepsMin: 8,
  stepsMax: 40,
};

/** Features that old seeds know nothing of. */
export const limitsWith = (names: readonly string[], limits: PlanLimits): PlanLimits => ({
  ...limits,
  joins: names.includes('joins'),
  extras: extrasNamed(names.filter((name) => name !== 'joins')),
});

/** Short runs: most faults need few steps, so the same time finds more with many short runs. */
export const shortLimits = (limits: PlanLimits): PlanLimits => ({
  ...limits,
  features: { ...limits.features, tablesMax: 2 },
  serversMax: 3,
  stepsMin: 3,
  stepsMax: 12,
});

/** The limits without some features, by name; for narrowing a search. */
export function limitsWithout(names: readonly string[], exchange?: string): PlanLimits {
  const isOut = (name: string): boolean => names.includes(name);
  const { features } = allLimits;
  const on = (name: keyof DesignFeatures): boolean => features[name] === true && !isOut(name);
  return {
    ...allLimits,
    features: {
      keys: features.keys.filter((key) => !isOut(key)),
      oddNames: on('oddNames'),
      withoutRowid: on('withoutRowid'),
      references: on('references'),
      uniques: on('uniques'),
      collations: on('collations'),
      tablesMax: features.tablesMax,
    },
    exchanges: allLimits.exchanges.filter((name) => exchange === undefined || name === exchange),
    clocks: !isOut('clocks'),
    kills: !isOut('kills'),
    restores: !isOut('restores'),
    clones: !isOut('clones'),
    schemaChanges: !isOut('schemaChanges'),
  };
}

export function randomPlan(seed: number, limits: PlanLimits = allLimits): Plan {
  const random = createRandom(`plan/${seed}`);
  const features = swarmFeatures(random, limits.features);
  const tables = designTables(random.fork('tables'), features);
  const options = randomOptions(random.fork('options'), limits);
  const steps = randomSteps(random.fork('steps'), { options, limits, tables: tables.length });
  const plan = addExtras({ seed, options, tables, steps }, random, limits.extras);
  return limits.joins ? withNewcomers(plan, random.fork('newcomers')) : plan;
}

const newcomersMax = 2;

/** Draws from a stream of its own, so that all else of a seed stays as it is. */
function withNewcomers(plan: Plan, random: Random): Plan {
  const { options } = plan;
  const links = [...options.links];
  const steps = [...plan.steps];
  const count = random.between(1, newcomersMax);
  for (let index = options.servers, part = 0; part < count; index++, part++) {
    const atMs = Math.floor((options.writingMs * (part + random.below(1_000) / 1_000)) / count);
    const source = random.below(options.servers);
    links.push([memberFor(plan, random.below(options.servers)), index]);
    steps.push({
      atMs,
      kind: 'join',
      server: index,
      copyOf: random.chance(0.5) ? source : null,
      seed: random.next(),
      statements: random.pick([0, 0, 3, 12]),
    });
    for (let number = 0, writes = random.between(0, 5); number < writes; number++)
      steps.push({
        atMs: random.between(atMs, options.writingMs),
        ...writeStep(random, { ...options, servers: 1 }),
        server: index,
      } as Step);
  }
  return { ...plan, options: { ...options, links }, steps: steps.toSorted((a, b) => a.atMs - b.atMs) };
}

/** Nobody joins by a server that is removed: who removes it stays. */
function memberFor({ steps }: Plan, server: number): number {
  const removal = steps.find((step) => step.kind === 'remove' && step.server === server);
  return removal?.kind === 'remove' ? removal.by : server;
}

function swarmFeatures(random: Random, limits: DesignFeatures): DesignFeatures {
  const kept = limits.keys.filter(() => random.chance(0.6));
  return {
    keys: kept.length > 0 ? kept : [random.pick(limits.keys)],
    oddNames: limits.oddNames && random.chance(0.3),
    withoutRowid: limits.withoutRowid && random.chance(0.5),
    references: limits.references && random.chance(0.4),
    uniques: limits.uniques && random.chance(0.3),
    collations: limits.collations && random.chance(0.2),
    tablesMax: limits.tablesMax,
  };
}

function randomOptions(random: Random, limits: PlanLimits): RunOptions {
  const servers = random.chance(0.8) ? random.between(2, Math.min(3, limits.serversMax)) : limits.serversMax;
  const perServer = <T>(make: () => T): T[] => Array.from({ length: servers }, make);
  const isSkewed = random.chance(0.5);
  const weights = Object.fromEntries(
    statementKinds.map((kind) => [kind, random.chance(0.25) ? 0 : random.between(1, 6)]),
  ) as Record<StatementKind, number>;
  weights.insert = random.between(3, 8);
  weights['update-many'] = Math.min(weights['update-many'], 1);
  weights['delete-many'] = Math.min(weights['delete-many'], 1);
  weights.touch = Math.min(weights.touch, 1);
  return {
    servers,
    links: randomLinks(random, servers),
    exchange: random.pick(limits.exchanges),
    journalMode: random.chance(0.75) ? 'wal' : 'delete',
    writingMs: random.pick([2_000, 10_000, 60_000]),
    latencyMsMax: random.pick([1, 20, 200, 1_000]),
    drainDelayMsMax: random.pick([1, 20, 500, 3_000]),
    skewMs: perServer(() =>
      isSkewed
        ? random.pick([
            0,
            0,
            random.between(-2_000, 2_000),
            random.between(-3_600_000, 3_600_000),
            10 * 365 * 86_400_000,
          ])
        : 0,
    ),
    clockRate: perServer(() => (isSkewed && random.chance(0.2) ? random.pick([0.5, 0.99, 1.01, 3]) : 1)),
    bytesMax: random.pick([1, 500, 5_000, 1_000_000]),
    prunes: random.chance(0.3),
    statementWeights: weights,
  };
}

/** A random tree, so that everybody is reached, and some more. */
function randomLinks(random: Random, servers: number): (readonly [number, number])[] {
  const links: (readonly [number, number])[] = [];
  for (let to = 1; to < servers; to++) links.push([random.below(to), to]);
  const density = random.pick([0, 0.5, 1]);
  for (let from = 0; from < servers; from++)
    for (let to = from + 1; to < servers; to++)
      if (!links.some(([a, b]) => a === from && b === to) && random.chance(density)) links.push([from, to]);
  return links;
}

interface StepContext {
  readonly options: RunOptions;
  readonly limits: PlanLimits;
  readonly tables: number;
}

function randomSteps(random: Random, context: StepContext): Step[] {
  const { options, limits } = context;
  const steps: Step[] = [];
  const count = random.between(limits.stepsMin, limits.stepsMax);
  const faults = enabledFaults(random, limits);
  for (let number = 0; number < count; number++) {
    const atMs = random.below(options.writingMs);
    const step =
      random.chance(0.7) || faults.length === 0
        ? writeStep(random, options)
        : random.pick(faults)(random, context, number);
    steps.push({ atMs, ...step });
  }
  return [...steps, ...cloneSteps(random.fork('clones'), context)].toSorted((a, b) => a.atMs - b.atMs);
}

/** From a stream of their own, so that a seed without clones is the same with and without this class. */
function cloneSteps(random: Random, { options, limits }: StepContext): Step[] {
  if (!limits.clones || options.servers < 3 || !random.chance(0.3)) return [];
  const [from = 0, to = 1] = random.shuffle(Array.from({ length: options.servers }, (_, server) => server));
  if (!isConnectedWithout(options, from, to)) return [];
  const atMs = random.below(options.writingMs);
  return [{ atMs, kind: 'clone', server: from, to, isNoticed: random.chance(0.5) }];
}

/** Two that have one identity do not talk with each other, so somebody else must. */
function isConnectedWithout({ links, servers }: RunOptions, a: number, b: number): boolean {
  const reached = new Set([0]);
  for (let pass = 0; pass < servers; pass++)
    for (const [x, y] of links)
      if (!([a, b].includes(x) && [a, b].includes(y)) && (reached.has(x) || reached.has(y))) reached.add(x).add(y);
  return reached.size === servers;
}

type Detail = Step extends infer S ? (S extends Step ? Omit<S, 'atMs'> : never) : never;
type FaultMaker = (random: Random, context: StepContext, number: number) => Detail;

const writeStep = (random: Random, options: RunOptions): Detail => ({
  kind: 'write',
  server: random.below(options.servers),
  seed: random.next(),
  statements: random.chance(0.1) ? random.between(10, 40) : random.between(1, 4),
  rollsBack: random.chance(0.05),
});

const link = (r: Random, { options }: StepContext): { from: number; to: number } => {
  const [a, b] = r.pick(options.links);
  return r.chance(0.5) ? { from: a, to: b } : { from: b, to: a };
};
const server = (r: Random, { options }: StepContext): number => r.below(options.servers);
const downMs = (r: Random): number => r.pick([10, 500, 5_000]);

function enabledFaults(random: Random, limits: PlanLimits): FaultMaker[] {
  const network: FaultMaker[] = [
    (r, context) => ({ kind: 'cut', ...link(r, context) }),
    (r, context) => ({ kind: 'heal', ...link(r, context) }),
    (r, context) => ({ kind: 'break', ...link(r, context) }),
  ];
  const clocks: FaultMaker[] = [
    (r, context) => ({
      kind: 'clock',
      server: server(r, context),
      byMs: r.pick([-3_600_000, -1_000, 1_000, 600_000, 86_400_000]),
    }),
  ];
  const kills: FaultMaker[] = [
    (r, context) => ({
      kind: 'kill',
      server: server(r, context),
      afterStatements: r.chance(0.3) ? 0 : r.between(1, 300),
      downMs: downMs(r),
    }),
  ];
  const restores: FaultMaker[] = [
    (r, context) => ({ kind: 'backup', server: server(r, context) }),
    (r, context) => ({ kind: 'restore', server: server(r, context), isNoticed: r.chance(0.5), downMs: downMs(r) }),
    (r, context) => ({ kind: 'power-loss', server: server(r, context), downMs: downMs(r) }),
  ];
  const schemas: FaultMaker[] = [
    (r, context, number) => ({
      kind: 'schema',
      server: server(r, context),
      change: r.chance(0.8)
        ? {
            kind: 'add-column',
            table: r.below(context.tables),
            column: {
              name: `added${number}`,
              type: r.pick(['TEXT', 'INTEGER', '']),
              isNotNull: false,
              ...(r.chance(0.5) ? { defaultSql: `'default${number}'` } : {}),
            },
          }
        : { kind: 'add-index', table: r.below(context.tables), name: `index${number}` },
    }),
    (r, context) => ({ kind: 'rebuild', server: server(r, context), table: r.below(context.tables) }),
  ];
  const upkeep: FaultMaker[] = [
    (r, context) => ({ kind: 'audit', server: server(r, context) }),
    (r, context) => ({ kind: 'prune', server: server(r, context) }),
  ];
  return [
    ...(random.chance(0.8) ? network : []),
    ...(limits.clocks && random.chance(0.3) ? clocks : []),
    ...(limits.kills && random.chance(0.5) ? kills : []),
    ...(limits.restores && random.chance(0.3) ? restores : []),
    ...(limits.schemaChanges && random.chance(0.2) ? schemas : []),
    ...(random.chance(0.3) ? upkeep : []),
  ];
}
