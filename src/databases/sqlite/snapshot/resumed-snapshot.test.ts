/** A replica whose process ended while a snapshot was landing: the next call finishes the landing, whichever it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers, type VersionVector } from '../../../core/version-vector.js';
import { createRealSystem } from '../../../system/real-system.js';
import { createSqliteReplica, type SqliteReplica } from '../sqlite-replica.js';
import { openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { receiveSnapshot } from './snapshot-writer.js';

const schema = `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE); CREATE TABLE tags (tag TEXT PRIMARY KEY)`;

/** Takes the snapshot up to its last transaction, and ends there. Returns what its sender had merged. */
async function cutOff(from: MergeServer, to: MergeServer): Promise<VersionVector> {
  await from.capture();
  const reader = await snapshotOf(from.context);
  const writer = receiveSnapshot(to.context, reader.vector, null);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  to.context.origins.advance = () => {
    throw new Error('cut off');
  };
  await assert.rejects(writer.finish(), /cut off/);
  to.close();
  return reader.vector;
}

interface CutOff {
  readonly replica: SqliteReplica;
  /** What the sender of the snapshot had merged. */
  readonly vector: VersionVector;
}

async function withCutOff(isJoiner: boolean, work: (cut: CutOff) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const from = openMergeServer(folder.path('a.db'), 'a', { schema });
  const to = openMergeServer(folder.path('c.db'), 'c', { schema });
  const { identity } = to.context;
  from.app.exec(`INSERT INTO users VALUES (1, 'same@x.y'); INSERT INTO tags VALUES ('of a')`);
  if (isJoiner) await to.followSchema();
  else {
    to.app.exec(`INSERT INTO users VALUES (2, 'same@x.y')`);
    await to.capture();
  }
  const vector = await cutOff(from, to);
  from.close();
  const system = createRealSystem();
  const replica = createSqliteReplica({
    path: folder.path('c.db'),
    dataset: 'scene',
    identity,
    system,
    observe: () => {},
    idleMs: 0,
  });
  try {
    await replica.open();
    const { isLanding, isFresh } = await replica.position();
    assert.deepEqual({ isLanding, isFresh }, { isLanding: true, isFresh: false }, 'a drain is what it needs');
    await work({ replica, vector });
    const after = await replica.position();
    assert.equal(after.isLanding, false);
    assert.ok(covers(after.vector, vector));
    for (const { differing } of (await replica.audit()).tables) assert.equal(differing, 0);
  } finally {
    await replica.close();
  }
}

test('a drain finishes it', () => withCutOff(false, async ({ replica }) => void (await replica.drain())));

test('a drain finishes the first landing of a joiner, which founds nothing', () =>
  withCutOff(true, async ({ replica, vector }) => {
    await replica.drain();
    const { vector: now } = await replica.position();
    assert.ok(covers(vector, now), 'nothing was captured of its own');
  }));

test('a look at what is held back finishes it, and then tells of all that is', () =>
  withCutOff(false, async ({ replica }) => {
    assert.equal(await replica.retryHeld(), 1);
    const [held] = await replica.quarantine({ max: 10 });
    await replica.dropHeld(held?.id ?? '');
    assert.deepEqual(await replica.quarantine({ max: 10 }), []);
  }));

test('who drops a held row by its name meets a landing that is finished first', () =>
  withCutOff(false, async ({ replica }) => {
    await assert.rejects(replica.dropHeld('0000'), { code: 'USYNC-1800' });
  }));

test('who asks for a snapshot is given no half of one', () =>
  withCutOff(false, async ({ replica }) => {
    const reader = await replica.openSnapshot();
    assert.equal((await replica.position()).isLanding, false, 'it is no half of a state that is given on');
    await reader.close();
  }));
