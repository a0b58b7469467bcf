/**
 * Goal: the rule for forks, case by case, where random runs would need long to meet the case. Method: hand-made replicas
 * of the model; one fact each.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agreeOnNames } from './model-forks.js';
import { mergeChangeset } from './model-merging.js';
import { finalRules, type Rules } from './model-rules.js';
import { streamFor } from './model-snapshots.js';
import { copyReplica, createModelReplica, stateText, type ModelReplica, type ModelTable } from './model-state.js';
import { beginChangeset } from './model-writing.js';

const schema: readonly ModelTable[] = [{ name: 't', key: 'generated', references: [], uniques: [] }];
let nonce = 0;

function insert(replica: ModelReplica, now: number, at?: string): string {
  const writer = beginChangeset(replica, { now, nonce: nonce++ });
  const life = writer.nextLife();
  const cell = (value: number) => ({ value, at: at ?? writer.at });
  writer.put({ kind: 'insert', life, row: life, table: 't', columns: { key: cell(now), a: cell(0), b: cell(0) } });
  writer.commit();
  return life;
}

/** False: the two do not get together. */
function sync(from: ModelReplica, to: ModelReplica): boolean {
  if (!agreeOnNames(from, to)) return false;
  for (const changeset of streamFor(from, to.vector).changesets)
    assert.equal(mergeChangeset(to, changeset), 'merged', `${changeset.origin}:${changeset.stamp}`);
  return true;
}

const rowsOf = (replica: ModelReplica): number => replica.lives.size;

interface Forked {
  readonly restored: ModelReplica;
  readonly peer: ModelReplica;
}

/** Server a wrote 100 and 200; its backup of 100 came back unnoticed, and it wrote 300. */
function forked(rules: Rules = finalRules, firstAt?: string): Forked {
  const [before, peer] = [createModelReplica('a', schema, rules), createModelReplica('b', schema, rules)];
  insert(before, 100, firstAt);
  const restored = copyReplica(before);
  insert(before, 200);
  sync(before, peer);
  insert(restored, 300);
  return { restored, peer };
}

describe('a restored server that did not notice', () => {
  it('keeps what it wrote, gets its lost tail back, and goes on under the name of its branch', () => {
    const { restored, peer } = forked();
    assert.ok(sync(peer, restored) && sync(restored, peer));
    assert.equal(rowsOf(restored), 3);
    assert.equal(stateText(restored), stateText(peer));
    assert.notEqual(restored.origin, 'a');
    assert.equal(restored.vector['a'], 200);
  });

  it('a third server that holds the branch under the old name renames it in the same way', () => {
    const { restored, peer } = forked();
    const third = createModelReplica('c', schema, finalRules);
    sync(restored, third);
    insert(third, 310);
    assert.ok(sync(third, peer) && sync(peer, restored) && sync(restored, third));
    assert.equal(rowsOf(third), 4);
    assert.equal(stateText(restored), stateText(third));
    assert.equal(stateText(restored), stateText(peer));
  });

  it('two holders of different branches agree while the server itself is away, unless only it may rename', () => {
    for (const anyoneCuts of [true, false]) {
      const { restored, peer } = forked({ ...finalRules, anyoneCuts });
      const third = createModelReplica('c', schema, { ...finalRules, anyoneCuts });
      sync(restored, third);
      assert.equal(sync(third, peer), anyoneCuts);
    }
  });

  it('branches that were cut in another order have the same names', () => {
    const chainsOf = (order: readonly number[]): string => {
      nonce = 0;
      const origin = createModelReplica('a', schema, finalRules);
      insert(origin, 100);
      const branches = [200, 300, 400].map((now) => {
        const branch = copyReplica(origin);
        insert(branch, now);
        insert(branch, now + 50);
        return branch;
      });
      for (let round = 0; round < 2; round++)
        for (const i of order)
          for (const j of order) {
            const [from, to] = [branches[i], branches[j]];
            if (from && to && i !== j) assert.ok(sync(from, to));
          }
      const [first] = branches;
      assert.ok(first && branches.every((branch) => stateText(branch) === stateText(first)));
      assert.equal(rowsOf(first), 7);
      return [...first.points]
        .map(([name, points]) => `${name} ${points.length}`)
        .toSorted()
        .join();
    };
    const names = chainsOf([0, 1, 2]);
    assert.equal(chainsOf([2, 1, 0]), names);
    assert.equal(chainsOf([1, 2, 0]), names);
  });
});

it('renaming the stamps of cells with their branch makes equal servers differ', () => {
  // Before the fork a wrote over a value from a clock far ahead, so the cell's stamp is above the fork point.
  const raised = '000000500.a.00';
  for (const stampsStay of [true, false]) {
    const { restored, peer } = forked({ ...finalRules, stampsStay }, raised);
    sync(peer, restored);
    sync(restored, peer);
    assert.deepEqual(restored.vector, peer.vector);
    assert.equal(stateText(restored) === stateText(peer), stampsStay);
  }
});
