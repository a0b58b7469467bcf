import type { ReplicaWork } from '../databases/replica.js';
import { workRate, type WorkProgress, type WorkRate } from './work-progress.js';
import { workLookMs } from './engine-limits.js';
import type { EngineGround } from './engine-parts.js';
import type { EngineNetwork } from './engine-network.js';

/** Long work of a database since it began: what it told last. */
export interface FoundWork extends ReplicaWork {
  readonly sinceMs: number;
  /** What was done then. */
  readonly from: number;
}

/** With its rate and the time that it still takes, for people. */
export interface DatasetWork extends WorkProgress, WorkRate {}

/** The next thing that is told of; another kind of work, or one that begins anew, has a time of its own. */
export function followedWork(last: FoundWork | null, work: ReplicaWork | null, nowMs: number): FoundWork | null {
  if (work === null) return null;
  const isSame = last !== null && last.kind === work.kind && work.done >= last.done;
  return isSame ? { ...work, sinceMs: last.sinceMs, from: last.from } : { ...work, sinceMs: nowMs, from: work.done };
}

export interface WorkFacts {
  readonly dataset: string;
  readonly work: FoundWork | null;
  /** Of a snapshot that comes in: how many its sender has announced. */
  readonly announced: number | null;
  readonly nowMs: number;
}

const tellings: { readonly [K in ReplicaWork['kind']]: { readonly words: string; readonly unit: string } } = {
  adopting: { words: 'taking in the rows that are here', unit: 'rows' },
  receiving: { words: 'receiving the data of the group', unit: 'rows' },
  landing: { words: 'writing the data of the group', unit: 'rows' },
  reading: { words: 'reading the journal', unit: 'bytes' },
  counting: { words: 'looking which files are here', unit: 'files' },
  hashing: { words: 'reading the files that are here', unit: 'bytes' },
};

export function datasetWork({ dataset, work, announced, nowMs }: WorkFacts): DatasetWork | null {
  if (work === null) return null;
  const { kind, done, from } = work;
  const isIncoming = kind === 'receiving' && announced !== null && announced > 0;
  const total = work.total ?? (isIncoming ? Math.max(announced, done) : null);
  const measured = workRate({ done: done - from, total: total === null ? null : total - from }, nowMs - work.sinceMs);
  return { text: `${dataset}: ${tellings[kind].words}.`, done, total, unit: tellings[kind].unit, ...measured };
}

/** What runs in one dataset now, as its database and its sessions tell it; those know how much is to come. */
export function workOf(
  { runners, adapters }: EngineGround,
  links: EngineNetwork['links'] | undefined,
  dataset: string,
): DatasetWork | null {
  const announced = links
    ?.all()
    .flatMap(({ session }) => session.status().datasets)
    .find((each) => each.dataset === dataset && each.snapshotIn !== null)?.snapshotIn?.rows;
  return datasetWork({
    dataset,
    work: runners.get(dataset)?.facts.work ?? null,
    announced: announced ?? null,
    nowMs: adapters.system.monotonicMs(),
  });
}

export interface ToldWork {
  readonly links?: EngineNetwork['links'];
  /** All when not given. */
  readonly datasets?: readonly string[];
}

/** Tells of the work of datasets, again and again, until it is told to end. */
export function tellWork(
  ground: EngineGround,
  { links, datasets = [...ground.runners.keys()] }: ToldWork,
  onProgress: (progress: WorkProgress) => void,
): () => void {
  let cancel = (): void => {};
  const look = (): void => {
    for (const dataset of datasets) {
      const work = workOf(ground, links, dataset);
      if (work) onProgress(work);
    }
    cancel = ground.adapters.system.after(workLookMs, look);
  };
  look();
  return () => cancel();
}
