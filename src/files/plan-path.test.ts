/**
 * Goal: whatever servers edit while they are apart, the rule that picks versions ends alike everywhere and loses no
 * edit. Method: servers with a table of rows each (rows are inserted once and ended for ever, as lives are), random edits
 * and deletes, exchange in random order, every server settling what it sees at random times.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conflictPath } from './conflict-path.js';
import { byteLength, pathObstacle } from './entry-path.js';
import { folderVersion, type Entry, type EntryVersion } from '../core/entry.js';
import { planPath, type PathPlan, type Standing } from './plan-path.js';

const entryOf = (values: Partial<Entry>): Entry => ({
  path: 'a.txt',
  version: versionOf(1),
  size: 1,
  mode: 0o644,
  mtime: 1000,
  base: null,
  author: 'pit',
  time: 1,
  copyOf: null,
  modeAge: 0,
  ...values,
});

const versionOf = (content: number): EntryVersion => `f:${String(content).padStart(43, 'A')}` as EntryVersion;

/** Lives: a row of a server is there until some server that saw it ends it. */
interface Life {
  readonly id: number;
  readonly entry: Entry;
}

interface Server {
  readonly name: string;
  readonly lives: Map<number, Life>;
  readonly ended: Set<number>;
  readonly disk: Map<string, EntryVersion>;
}

interface World {
  readonly servers: Server[];
  nextLife: number;
  time: number;
}

const rowsAt = (server: Server, path: string): Entry[] => [
  ...new Map(
    [...server.lives.values()]
      .filter(({ id, entry }) => !server.ended.has(id) && entry.path === path)
      .map(({ entry }) => [entry.version, entry] as const),
  ).values(),
];

function endRow(server: Server, { path, version }: Pick<Entry, 'path' | 'version'>): void {
  for (const { id, entry } of server.lives.values())
    if (entry.path === path && entry.version === version) server.ended.add(id);
}

function insertRow(world: World, server: Server, entry: Entry): void {
  if (rowsAt(server, entry.path).some(({ version }) => version === entry.version)) return;
  const id = world.nextLife++;
  server.lives.set(id, { id, entry });
}

/** The application writes; the scanner finds it: the version that stood there ends, the new one begins. */
function write(world: World, server: Server, path: string, version: EntryVersion | null): void {
  const base = server.disk.get(path) ?? null;
  if (base === version) return;
  if (base !== null) endRow(server, { path, version: base });
  if (version === null) server.disk.delete(path);
  else {
    insertRow(world, server, entryOf({ path, version, base, author: server.name, time: world.time++ }));
    server.disk.set(path, version);
  }
}

function merge(into: Server, from: Server): void {
  for (const [id, life] of from.lives) into.lives.set(id, life);
  for (const id of from.ended) into.ended.add(id);
}

const pathsOf = (server: Server): string[] => [
  ...new Set([...[...server.lives.values()].map(({ entry }) => entry.path), ...server.disk.keys()]),
];

function settle(world: World, server: Server): void {
  for (const path of pathsOf(server)) {
    const standing = server.disk.get(path);
    const plan = planPath({
      path,
      rows: rowsAt(server, path),
      isFolderNeeded: false,
      standing: standing === undefined ? null : standingOf(standing),
    });
    for (const row of plan.table.end) endRow(server, row);
    for (const row of plan.table.insert) insertRow(world, server, row);
    if (plan.disk.kind === 'place') server.disk.set(path, plan.disk.entry.version);
    if (plan.disk.kind === 'remove') server.disk.delete(path);
  }
}

const standingOf = (version: EntryVersion, values: Partial<Standing> = {}): Standing => ({
  version,
  mode: 0o644,
  mtime: 1000,
  isKept: false,
  modeAge: 0,
  ...values,
});

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('write' as const), at: fc.nat({ max: 2 }), path: fc.nat({ max: 1 }) }),
    fc.record({ kind: fc.constant('delete' as const), at: fc.nat({ max: 2 }), path: fc.nat({ max: 1 }) }),
    fc.record({ kind: fc.constant('merge' as const), at: fc.nat({ max: 2 }), from: fc.nat({ max: 2 }) }),
    fc.record({ kind: fc.constant('settle' as const), at: fc.nat({ max: 2 }) }),
  ),
  { maxLength: 40 },
);

test('servers end with equal disks, and every edit that nobody overwrote or deleted stands somewhere', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const world: World = {
        servers: ['a', 'b', 'c'].map((name) => ({ name, lives: new Map(), ended: new Set(), disk: new Map() })),
        nextLife: 1,
        time: 1,
      };
      const server = (at: number): Server => world.servers[at] ?? assert.fail();
      const alive = new Set<EntryVersion>();
      let content = 1;
      for (const step of list) {
        const own = server(step.at);
        if (step.kind === 'merge') merge(own, server(step.from));
        else if (step.kind === 'settle') settle(world, own);
        else {
          const path = `file ${step.path}`;
          // Whoever writes saw what stands on his disk, and nothing else.
          const seen = own.disk.get(path);
          if (seen !== undefined) alive.delete(seen);
          const version = step.kind === 'write' ? versionOf(content++) : null;
          if (version !== null) alive.add(version);
          write(world, own, path, version);
        }
      }
      for (let round = 0; round < 6; round++)
        for (const into of world.servers) {
          for (const from of world.servers) merge(into, from);
          settle(world, into);
        }
      const [first, ...others] = world.servers.map(({ disk }) => [...disk].toSorted(([p], [q]) => (p < q ? -1 : 1)));
      for (const other of others) assert.deepEqual(other, first);
      const standing = new Set(first?.map(([, version]) => version));
      for (const version of alive) assert.ok(standing.has(version), `${version} is lost`);
    }),
    { numRuns: 2000 },
  );
});

test('the plan is the same in whatever order the rows come', () => {
  const rows = [
    entryOf({ version: versionOf(1), time: 5 }),
    entryOf({ version: versionOf(2), time: 5 }),
    entryOf({ version: versionOf(3), time: 4, base: versionOf(1) }),
    entryOf({ version: versionOf(4), time: 9, base: versionOf(3) }),
  ];
  const sorted = ({ disk, table }: PathPlan): unknown => [disk, table.end.map(({ version }) => version).toSorted()];
  const expected = sorted(planPath({ path: 'a.txt', rows, isFolderNeeded: false, standing: null }));
  fc.assert(
    fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), (shuffled) => {
      const plan = planPath({ path: 'a.txt', rows: shuffled, isFolderNeeded: false, standing: null });
      assert.deepEqual(sorted(plan), expected);
    }),
  );
});

test('a version that the shown one was made from is ended without a copy', () => {
  const rows = [
    entryOf({ version: versionOf(1), time: 1 }),
    entryOf({ version: versionOf(2), time: 2, base: versionOf(1) }),
  ];
  const { disk, table } = planPath({ path: 'a.txt', rows, isFolderNeeded: false, standing: null });
  assert.deepEqual(disk, { kind: 'place', entry: rows[1] });
  assert.deepEqual(table, { end: [rows[0]], insert: [], setMode: null });
});

test('a folder has the path before a file, whose edit is kept beside it', () => {
  const file = entryOf({ time: 99 });
  for (const rows of [[file, entryOf({ version: folderVersion })], [file]]) {
    const { disk, table } = planPath({ path: 'a.txt', rows, isFolderNeeded: rows.length === 1, standing: null });
    assert.equal(disk.kind === 'place' ? disk.entry.version : disk.kind, rows.length === 1 ? 'make-folder' : 'd');
    assert.deepEqual(
      table.insert.map(({ path, version, copyOf }) => [path, version, copyOf]),
      [[conflictPath(file), file.version, 'a.txt']],
    );
  }
});

test('a folder that stands only for what is left out is not removed, nor is it made an entry', () => {
  const standing = standingOf(folderVersion, { isKept: true });
  const plan = planPath({ path: 'cache', rows: [], isFolderNeeded: false, standing });
  assert.equal(plan.disk.kind, 'nothing');
});

test('content that is there gets its mode and time without being placed again', () => {
  const entry = entryOf({ mode: 0o755 });
  const plan = planPath({ path: 'a.txt', rows: [entry], isFolderNeeded: false, standing: standingOf(entry.version) });
  assert.deepEqual(plan.disk, { kind: 'set-attributes', entry });
});

test('a mode that the writer of the shown version had not seen is taken over; one that it had seen is not', () => {
  const entry = entryOf({ version: versionOf(2), base: versionOf(1), modeAge: 1 });
  const planFor = (values: Partial<Standing>): PathPlan =>
    planPath({ path: 'a.txt', rows: [entry], isFolderNeeded: false, standing: standingOf(versionOf(1), values) });
  const setMode = { ...entry, mode: 0o600, modeAge: 2 };
  const unseen = planFor({ mode: 0o600, modeAge: 2 });
  assert.deepEqual([unseen.table.setMode, unseen.disk], [setMode, { kind: 'place', entry: setMode }]);
  for (const modeAge of [0, 1]) assert.equal(planFor({ mode: 0o600, modeAge }).table.setMode, null);
  const newlyMade = planPath({
    path: 'a.txt',
    rows: [{ ...entry, base: null }],
    isFolderNeeded: false,
    standing: standingOf(versionOf(1), { mode: 0o600, modeAge: 2 }),
  });
  assert.equal(newlyMade.table.setMode, null);
});

test('a name that begins with its only dot has no ending: its conflict copy is named behind it', () => {
  const copy = conflictPath({ path: 'x/.env', version: versionOf(3), author: 'pit' });
  assert.match(copy, /^x\/\.env \(conflict, pit, [^)]+\)$/);
});

test('paths of conflict copies are never too long: cut behind the name, or in a folder above', () => {
  const folders = (count: number): string => `${'d'.repeat(199)}/`.repeat(count);
  for (const path of [`${folders(15)}${'f'.repeat(60)}`, `${folders(15)}${'e'.repeat(60)}/f.txt`]) {
    assert.equal(pathObstacle(path), null);
    const copy = conflictPath({ path, version: versionOf(3), author: 'pit' });
    assert.equal(pathObstacle(copy), null);
    assert.ok(path.startsWith(copy.slice(0, copy.lastIndexOf('/') + 1)), 'beside it or above');
    assert.match(copy, /\/(ffff[f]*|f) \(conflict, pit, [^/]+\)(\.txt)?$/);
  }
});

test('names of conflict copies fit every disk and keep the ending of the name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), fc.string(), (stem, author) => {
      const path = `x/n${stem.replaceAll('/', '')}.tar`;
      const copy = conflictPath({ path, version: versionOf(3), author });
      assert.ok(byteLength(copy.slice(2)) <= 255);
      assert.ok(copy.endsWith('.tar'));
      assert.ok(!copy.slice(2).includes('/'));
    }),
  );
});
