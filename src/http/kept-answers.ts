import type { System } from '../system/system.js';
import { answerPatienceMs, answerSlowMsMax, answerStepMs, keptAnswersMax, keptItemsMax } from './http-limits.js';

/**
 * What datasets told last, by what was asked. A dataset in a merge answers late; then what it told before is the answer,
 * with its age. Only where it never told anything does the caller wait, or where none is at work: who is merely slow, since
 * a file has to be opened, answers in a moment.
 */
export interface KeptAnswers {
  /** `question` names the answer: the route and its input. The answer gets the field `age_ms`. */
  answer<T extends object>(
    question: readonly unknown[],
    read: () => Promise<T>,
    patienceMs?: number,
  ): Promise<T & Aged>;
  /** What was read before a change must not be told after it. */
  forget(): void;
}

export interface Aged {
  /** 0 when it was read for this answer. */
  readonly age_ms: number;
}

interface Question {
  told: { readonly value: object; readonly atMs: number } | null;
  running: Promise<object> | null;
  runningSinceMs: number;
  /** Begins when the running one has ended: who asks now must not get what was read for somebody before. */
  next: Promise<object> | null;
}

export function createKeptAnswers(system: System, isAtWork: () => boolean): KeptAnswers {
  let questions = new Map<string, Question>();
  return {
    async answer<T extends object>(asked: readonly unknown[], read: () => Promise<T>, patienceMs = answerPatienceMs) {
      const question = questionOf(questions, JSON.stringify(asked));
      const { told } = question;
      const reading = readOnce(system, question, read).finally(() => forgetOldest(questions));
      if (told === null) return { ...((await reading) as T), age_ms: 0 };
      const { runningSinceMs: sinceMs } = question;
      const value = await withinPatience(reading, { system, isAtWork, sinceMs, patienceMs });
      if (value !== null) return { ...(value as T), age_ms: 0 };
      return { ...(told.value as T), age_ms: Math.max(1, Math.round(system.monotonicMs() - told.atMs)) };
    },
    forget() {
      questions = new Map();
    },
  };
}

function questionOf(questions: Map<string, Question>, key: string): Question {
  const question = questions.get(key) ?? { told: null, running: null, runningSinceMs: 0, next: null };
  questions.delete(key);
  questions.set(key, question);
  return question;
}

/** Bounds what is kept: the ones asked longest ago go. */
function forgetOldest(questions: Map<string, Question>): void {
  let items = [...questions.values()].reduce((sum, { told }) => sum + itemsIn(told?.value), 0);
  for (const [key, { told }] of questions) {
    if (questions.size <= keptAnswersMax && items <= keptItemsMax) break;
    items -= itemsIn(told?.value);
    questions.delete(key);
  }
}

const itemsIn = (value: object = {}): number =>
  Object.values(value).reduce((sum: number, field: unknown) => sum + (Array.isArray(field) ? field.length : 0), 0);

/** However many ask, one reads and one waits to read. */
function readOnce(system: System, question: Question, read: () => Promise<object>): Promise<object> {
  const begin = (): Promise<object> => {
    const running = (async () => {
      const value = await read();
      question.told = { value, atMs: system.monotonicMs() };
      return value;
    })().finally(() => {
      question.running = null;
    });
    question.running = running;
    question.runningSinceMs = system.monotonicMs();
    return running;
  };
  if (question.running === null) return begin();
  question.next ??= question.running
    .catch(() => undefined)
    .then(() => {
      question.next = null;
      return begin();
    });
  return question.next;
}

interface Waiting {
  readonly system: System;
  readonly isAtWork: () => boolean;
  readonly sinceMs: number;
  readonly patienceMs: number;
}

/** Null when it takes longer. What fails later is told to whoever asks then. */
function withinPatience(
  reading: Promise<object>,
  { system, isAtWork, sinceMs, patienceMs }: Waiting,
): Promise<object | null> {
  return new Promise((resolve, reject) => {
    const leftMs = (ofMs: number): number => Math.max(0, sinceMs + ofMs - system.monotonicMs());
    const look = (): void => {
      if (isAtWork() || leftMs(answerSlowMsMax) === 0) resolve(null);
      else cancel = system.after(answerStepMs, look);
    };
    let cancel = system.after(leftMs(patienceMs), look);
    reading.then(
      (value) => {
        cancel();
        return resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
