// Goal: the folder listing is the architecture. Each room may import only from the rooms below it, and the pure rooms
// have no effects. Method: read every import of src/ and hold it against the table.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const sourceFolder = fileURLToPath(new URL('../../../src', import.meta.url));

/** Per room, the rooms that it may import from besides itself. A file directly in src/ is the room "library". */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ['core'],
  system: ['core'],
  observe: ['core', 'system'],
  config: ['core', 'system'],
  databases: ['core', 'protocol', 'system', 'observe'],
  files: ['core', 'protocol', 'system', 'observe', 'databases'],
  transports: ['core', 'protocol', 'system', 'observe'],
  engine: ['core', 'protocol', 'system', 'observe', 'config', 'databases', 'transports'],
  http: ['core', 'system', 'observe', 'config', 'databases', 'engine'],
  cli: [
    'core',
    'protocol',
    'system',
    'observe',
    'config',
    'databases',
    'files',
    'transports',
    'engine',
    'http',
    'library',
    'cli',
  ],
  library: ['core', 'protocol', 'system', 'observe', 'config', 'databases', 'files', 'transports', 'engine', 'http'],
};
const pureRooms = ['core', 'protocol'];

/** Only the contracts of these rooms are open to the engine and to files; their adapters are named by the cli and the library alone. */
const contracts = [
  'databases/entry-table.ts',
  'databases/folder-calls.ts',
  'databases/replica.ts',
  'databases/server-list.ts',
  'transports/transport.ts',
];

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(sourceFolder, { recursive: true })
  .map((name) => String(name).replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(sourceFolder, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => ({ from: file, to: match[1] ?? '' }));
}

const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : 'library');
const isTest = (file: string): boolean => /\.(test|acceptance|arbitrary)\.ts$|\.bench\.ts$/.test(file);
const targetOf = ({ from, to }: Import): string => normalize(join(dirname(from), to)).replace(/\.js$/, '.ts');

const production = files.filter((file) => !isTest(file)).flatMap((file) => importsOf(file));
const relative = production.filter(({ to }) => to.startsWith('.'));

test('every room is in the table of walls', () => {
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => !(room in mayImport)),
    [],
  );
});

test('imports run downward only', () => {
  const wrong = relative.filter((each) => {
    const from = roomOf(each.from);
    const to = roomOf(targetOf(each));
    return from !== to && !(mayImport[from] ?? []).includes(to);
  });
  assert.deepEqual(wrong, []);
});

test('the pure rooms import nothing from Node.js and no package', () => {
  assert.deepEqual(
    production.filter(({ from, to }) => pureRooms.includes(roomOf(from)) && !to.startsWith('.')),
    [],
  );
});

test('the engine, the folders and the API know contracts, never a concrete adapter', () => {
  const wrong = relative.filter((each) => {
    const target = targetOf(each);
    return (
      ['engine', 'files', 'http'].includes(roomOf(each.from)) &&
      ['databases', 'transports'].includes(roomOf(target)) &&
      !contracts.includes(target)
    );
  });
  assert.deepEqual(wrong, []);
});

test('the contract of the API imports nothing of Node.js and nothing outside itself', () => {
  const contract = production.filter(({ from }) => from.startsWith('http/contract/'));
  assert.notDeepEqual(contract, []);
  assert.deepEqual(
    contract.filter(({ to }) => !to.startsWith('./') && to !== 'zod'),
    [],
  );
});

test('adapters do not know each other', () => {
  const adapterOf = (file: string): string => file.split('/').slice(0, 2).join('/');
  const isAdapter = (file: string): boolean =>
    ['databases', 'transports'].includes(roomOf(file)) && file.split('/').length > 2;
  const wrong = relative.filter(
    (each) => isAdapter(each.from) && isAdapter(targetOf(each)) && adapterOf(each.from) !== adapterOf(targetOf(each)),
  );
  assert.deepEqual(wrong, []);
});

test('clock, random and timers are reached through the system room only', () => {
  const banned = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b|\bperformance\.now\b/;
  const outside = files.filter((file) => !isTest(file) && !['system', 'cli'].includes(roomOf(file)));
  assert.deepEqual(
    outside.filter((file) => banned.test(withoutComments(readFileSync(join(sourceFolder, file), 'utf8')))),
    [],
  );
});

test('folders reach the disk through the system room only', () => {
  const direct = files
    .filter((file) => !isTest(file) && roomOf(file) === 'files')
    .filter((file) => {
      const text = readFileSync(join(sourceFolder, file), 'utf8');
      return [...text.matchAll(/import ([^;]*?) from 'node:fs[^']*'/g)].some(([, names]) => names !== '{ constants }');
    });
  assert.deepEqual(direct, []);
});

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
