import { createRandom, type Random } from '../simulation/random.js';

/** One run: everything that happens is in it, so that steps can be left out one by one. */
export interface FolderPlan {
  readonly seed: number;
  readonly options: FolderRunOptions;
  readonly steps: readonly FolderStep[];
}

export interface FolderRunOptions {
  readonly servers: number;
  readonly phases: number;
  readonly phaseMs: number;
  readonly latencyMsMax: number;
  readonly skewMs: readonly number[];
  /** How likely a hint of the watch never comes. */
  readonly lostHints: number;
  /** How likely an application acts in the middle of a pass of the engine, at each of its calls. */
  readonly interleaving: number;
  readonly bytesMax: number;
  /** How likely an act puts a link that leads out in the place of a folder. */
  readonly mischief: number;
  /** How long an engine rests between two pieces of its work at most: on a slow machine others merge while it looks. */
  readonly pauseMsMax: number;
}

export type FolderStep = { readonly phase: number; readonly atMs: number } & FolderAct;

export type FolderAct =
  | { readonly kind: 'edit'; readonly server: number; readonly seed: number }
  /** Somebody restores a file of the history, or a conflict copy. */
  | { readonly kind: 'restore'; readonly server: number; readonly seed: number }
  /** Ends the engine at one of its next steps: calls of the disk and statements both count. */
  | { readonly kind: 'kill'; readonly server: number; readonly afterSteps: number; readonly downMs: number }
  | { readonly kind: 'power-loss'; readonly server: number; readonly afterSteps: number; readonly downMs: number }
  | { readonly kind: 'full'; readonly server: number; readonly forMs: number; readonly free: number }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number; readonly forMs: number };

export interface FolderLimits {
  readonly without?: ReadonlySet<string>;
  /** Many of these in each phase. */
  readonly crashes?: 'kill' | 'power-loss';
  readonly interleaving?: number;
  readonly mischief?: number;
  readonly pauseMsMax?: number;
  /** So many more edits in each phase, and all of them by the first server: the others only place. */
  readonly busy?: number;
  /** So many restores in each phase. */
  readonly restores?: number;
}

const noKinds: ReadonlySet<string> = new Set();

export function randomFolderPlan(seed: number, limits: FolderLimits = {}): FolderPlan {
  const { without = noKinds } = limits;
  const random = createRandom(`folders/${seed}`);
  const servers = random.pick([2, 2, 2, 3, 3, 4]);
  const options: FolderRunOptions = {
    servers,
    phases: random.pick([1, 1, 2]),
    phaseMs: random.pick([1_500, 3_000, 8_000]),
    latencyMsMax: random.pick([1, 30, 300]),
    skewMs: Array.from({ length: servers }, () => (random.chance(0.7) ? 0 : random.between(-5_000, 5_000))),
    lostHints: random.pick([0, 0, 0.2]),
    interleaving: limits.interleaving ?? random.pick([0, 0.002, 0.01]),
    bytesMax: random.pick([10_000, 1_000_000]),
    mischief: limits.mischief ?? 0,
    // Not drawn, so that older seeds keep their meaning.
    pauseMsMax: limits.pauseMsMax ?? (seed % 13 === 5 ? 100 : 3),
  };
  const steps: FolderStep[] = [];
  for (let phase = 0; phase < options.phases; phase++) {
    steps.push(...stepsOf(random, options, phase));
    if (limits.busy !== undefined) steps.push(...editsOf(random, options, { phase, count: limits.busy }));
    steps.push(...restoresOf(options, { seed, phase, count: limits.restores ?? (seed % 7 === 3 ? 3 : 0) }));
    if (limits.crashes !== undefined) steps.push(...crashesOf(random, options, { phase, kind: limits.crashes }));
  }
  const isBusy = limits.busy !== undefined;
  const acts = steps.map((step) => (isBusy && step.kind === 'edit' ? { ...step, server: 0 } : step));
  return { seed, options, steps: acts.filter(({ kind }) => !without.has(kind)) };
}

function stepsOf(random: Random, { servers, phaseMs }: FolderRunOptions, phase: number): FolderStep[] {
  const steps: FolderStep[] = [];
  const at = (): { phase: number; atMs: number } => ({ phase, atMs: random.below(phaseMs) });
  const edits = random.between(4, 16);
  const hot = at().atMs;
  for (let number = 0; number < edits; number++) {
    const when = random.chance(0.3) ? { phase, atMs: hot + random.below(200) } : at();
    steps.push({ ...when, kind: 'edit', server: random.below(servers), seed: random.next() });
  }
  for (let number = random.below(4); number > 0; number--) {
    const kind = random.chance(0.7) ? 'kill' : 'power-loss';
    const afterSteps = random.pick([0, random.below(30), random.below(300), random.below(1_500)]);
    steps.push({ ...at(), kind, server: random.below(servers), afterSteps, downMs: random.between(10, 3_000) });
  }
  if (random.chance(0.2)) {
    const free = random.pick([0, 100, 2_000]);
    steps.push({ ...at(), kind: 'full', server: random.below(servers), forMs: random.between(100, 5_000), free });
  }
  for (let number = random.below(3); number > 0; number--) {
    const from = random.below(servers);
    steps.push({ ...at(), kind: 'cut', from, to: (from + 1) % servers, forMs: random.between(100, 6_000) });
  }
  return steps;
}

interface Edits {
  readonly phase: number;
  readonly count: number;
}

const editsOf = (random: Random, { phaseMs }: FolderRunOptions, { phase, count }: Edits): FolderStep[] =>
  Array.from({ length: count }, () => ({
    phase,
    kind: 'edit',
    atMs: random.below(phaseMs),
    server: 0,
    seed: random.next(),
  }));

interface Restores extends Edits {
  readonly seed: number;
}

/** Drawn by themselves, so that older seeds keep their meaning. */
function restoresOf({ servers, phaseMs }: FolderRunOptions, { seed, phase, count }: Restores): FolderStep[] {
  const random = createRandom(`folders/${seed}/restores/${phase}`);
  return Array.from({ length: count }, () => ({
    phase,
    kind: 'restore',
    atMs: random.below(phaseMs),
    server: random.below(servers),
    seed: random.next(),
  }));
}

interface Crashes {
  readonly phase: number;
  readonly kind: 'kill' | 'power-loss';
}

const crashesOf = (random: Random, { servers, phaseMs }: FolderRunOptions, { phase, kind }: Crashes): FolderStep[] =>
  Array.from({ length: 6 }, () => ({
    phase,
    kind,
    atMs: random.below(phaseMs),
    // The others are judged by what they wrote alone.
    server: servers - 1,
    afterSteps: random.below(200),
    downMs: random.between(10, 500),
  }));
