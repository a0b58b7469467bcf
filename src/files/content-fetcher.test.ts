/** Small pieces go together: one question for each would cost more than what it brings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentBytesMax, type ContentPeers, type ContentRequest } from '../core/content-request.js';
import { createRealSystem } from '../system/real-system.js';
import { createContentFetcher } from './content-fetcher.js';
import { bytesVersion } from './content-hash.js';

interface Question {
  readonly requests: readonly ContentRequest[];
  readonly answer: () => void;
}

/** Peers that answer when they are told to. */
function slowPeers(): { readonly peers: ContentPeers; readonly questions: Question[] } {
  const questions: Question[] = [];
  const peers: ContentPeers = {
    fetch: (requests) =>
      new Promise((resolve) => {
        const answer = (): void => resolve(requests.map(({ length }) => new Uint8Array(length)));
        questions.push({ requests, answer });
      }),
    isNowhere: () => Promise.resolve(false),
  };
  return { peers, questions };
}

const pieceOf = (length: number): ContentRequest => ({
  version: bytesVersion(new Uint8Array()),
  part: 'content',
  offset: 0,
  length,
});
const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

test('what is wished for piece by piece goes out together while two questions are under way', async () => {
  const { peers, questions } = slowPeers();
  const fetcher = createContentFetcher(peers, createRealSystem());
  const come: Promise<Uint8Array>[] = [];
  for (let number = 0; number < 20; number++) {
    come.push(fetcher.get(pieceOf(4096)));
    await moment();
  }
  assert.deepEqual(
    questions.map(({ requests }) => requests.length),
    [1, 1],
  );
  questions[0]?.answer();
  await moment();
  assert.deepEqual(
    questions.map(({ requests }) => requests.length),
    [1, 1, 18],
  );
  for (const { answer } of questions) answer();
  assert.equal((await Promise.all(come)).length, 20);
});

test('a question that is full goes out at once', async () => {
  const { peers, questions } = slowPeers();
  const fetcher = createContentFetcher(peers, createRealSystem());
  const come = Array.from({ length: 8 }, () => fetcher.get(pieceOf(contentBytesMax)));
  await moment();
  assert.equal(questions.length, 8);
  for (const { answer } of questions) answer();
  await Promise.all(come);
});
