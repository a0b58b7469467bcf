import { errorCatalogue } from '../core/error-catalogue.js';
import type { ObservedEvent } from './event.js';
import type { Problem } from './problem.js';

/**
 * What events say is wrong now: opened by a failure, closed only by the fact that shows the opposite (a loop that ran
 * again, a proof, a connection), never by time passing.
 */
export interface OpenProblems {
  readonly add: (event: ObservedEvent) => void;
  /** Errors first, then by age, oldest first. */
  read(): readonly Problem[];
  /** Forgets what concerned a peer that is gone: nothing could ever show the opposite. */
  forgetPeer(peer: string): void;
}

export function createOpenProblems(): OpenProblems {
  const problems = new Map<string, Problem>();
  return {
    add: (event) => {
      for (const key of closedBy(event)) problems.delete(key);
      const opened = openedBy(event);
      if (opened === null) return;
      const before = problems.get(opened.key);
      problems.set(opened.key, {
        ...opened.problem,
        sinceMs: before?.sinceMs ?? event.atMs,
        count: event.kind === 'loop-failed' ? event.count : (before?.count ?? 0) + 1,
      });
    },
    read: () =>
      [...problems.values()].toSorted((a, b) =>
        a.level === b.level ? a.sinceMs - b.sinceMs : a.level === 'error' ? -1 : 1,
      ),
    forgetPeer: (peer) => {
      const isOfPeer = (key: string): boolean =>
        key === `loop connect ${peer}` ||
        (key.startsWith('loop sync ') && key.endsWith(` with ${peer}`)) ||
        (key.startsWith('proof ') && key.endsWith(` ${peer}`));
      for (const key of problems.keys()) if (isOfPeer(key)) problems.delete(key);
    },
  };
}

type Opened = { readonly key: string; readonly problem: Omit<Problem, 'sinceMs' | 'count'> };

function openedBy(event: ObservedEvent): Opened | null {
  switch (event.kind) {
    case 'loop-failed':
      return {
        key: `loop ${event.loop}`,
        problem: {
          code: event.code,
          level: 'error',
          subject: event.loop,
          reason: event.message,
          nextStep: event.nextStep,
        },
      };
    case 'proof-failed':
      return {
        key: `proof ${event.dataset} ${event.peer}`,
        problem: {
          code: 'USYNC-1302',
          level: 'error',
          subject: `dataset ${event.dataset}`,
          reason: `It differs from server ${event.peer} at the same position, in: ${event.tables.join(', ')}.`,
          nextStep: errorCatalogue['USYNC-1302'].nextStep,
        },
      };
    default:
      return null;
  }
}

function closedBy(event: ObservedEvent): readonly string[] {
  switch (event.kind) {
    case 'loop-recovered':
      return [`loop ${event.loop}`];
    case 'proven':
      // A pause ends with its session, and the next one has nothing to recover from: the proof shows that it works.
      return [`proof ${event.dataset} ${event.peer}`, `loop sync ${event.dataset} with ${event.peer}`];
    default:
      return [];
  }
}
