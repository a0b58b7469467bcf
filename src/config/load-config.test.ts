/** Configuration: one table of options behind file, environment, flags, schema and documents; mistakes named at their place. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SyncError } from '../core/sync-error.js';
import { configJsonSchema } from './config-schema.js';
import { loadConfig, type ConfigSources } from './load-config.js';
import { optionTable } from './option-help.js';

const plain = `name: pit-1
datasets:
  - name: shop
    sqlite: data/shop.db
    tables:
      account:
        unique: hold
        columns: { balance: counter }
`;

function folderWith(context: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'usync-config-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'usync.yaml'), text);
  return folder;
}

const sourcesOf = (folder: string, more: Partial<ConfigSources> = {}): ConfigSources => ({
  file: 'usync.yaml',
  env: {},
  flags: {},
  folder,
  hostName: 'host.example',
  ...more,
});

async function mistakeIn(context: TestContext, text: string, more: Partial<ConfigSources> = {}): Promise<string> {
  const folder = folderWith(context, text);
  try {
    await loadConfig(sourcesOf(folder, more));
  } catch (error) {
    assert.ok(error instanceof SyncError);
    assert.equal(error.code, 'USYNC-1101');
    return error.message.replaceAll(`${folder}/`, '');
  }
  throw new assert.AssertionError({ message: 'no mistake was found' });
}

test('a small file is completed with defaults, and paths begin at its folder', async (context) => {
  const folder = folderWith(context, plain);
  const { config } = await loadConfig(sourcesOf(folder));
  assert.deepEqual(config, {
    name: 'pit-1',
    dataFolder: join(folder, '.usync'),
    listen: { host: '0.0.0.0', port: 7420, advertise: [] },
    datasets: [
      {
        name: 'shop',
        sqlite: join(folder, 'data/shop.db'),
        landing: 'bounded',
        polite: false,
        tables: { account: { unique: 'hold', columns: { balance: 'counter' } } },
      },
    ],
    journal: { daysMax: 14, bytesMax: 4_294_967_296, historyDays: 14, historyBytes: 268_435_456 },
    log: { level: 'info', format: 'auto' },
    http: { enabled: true, host: '127.0.0.1', hosts: [] },
    alerts: { webhooks: [], afterSeconds: 60 },
  });
});

test('flags win over the environment, which wins over the file, which wins over defaults; each says where it came from', async (context) => {
  const folder = folderWith(context, `${plain}listen: { host: 127.0.0.1, port: 1 }\nlog: { level: warn }\n`);
  const { config, origins } = await loadConfig(
    sourcesOf(folder, {
      env: { USYNC_LISTEN_PORT: '2', USYNC_LOG_LEVEL: 'error', USYNC_LISTEN_ADVERTISE: 'a:1, [::1]:2' },
      flags: { '--listen-port': '3' },
    }),
  );
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 3, advertise: ['a:1', '[::1]:2'] });
  assert.equal(config.log.level, 'error');
  assert.deepEqual(origins.get('listen.port'), { kind: 'flag', where: '--listen-port' });
  assert.deepEqual(origins.get('log.level'), { kind: 'environment', where: 'USYNC_LOG_LEVEL' });
  assert.deepEqual(origins.get('listen.host'), { kind: 'file', where: `${join(folder, 'usync.yaml')}:9:11` });
  assert.deepEqual(origins.get('journal.daysMax'), { kind: 'default', where: 'default' });
});

test('without a file and a name the server is called after the machine', async () => {
  const { config } = await loadConfig(sourcesOf(tmpdir(), { file: null }));
  assert.equal(config.name, 'host');
  assert.deepEqual(config.datasets, []);
});

test('an unknown key is an error with file, line, column and a suggestion', async (context) => {
  assert.equal(
    await mistakeIn(context, 'name: a\nlisten:\n  prot: 7\n'),
    'usync.yaml:3:3: unknown key "prot" in listen; did you mean "port"?',
  );
  assert.match(
    await mistakeIn(context, 'datasets:\n  - name: a\n    sqlite: b\n    tables: { t: { uniqe: hold } }\n'),
    /^usync\.yaml:4:20: unknown key "uniqe" in datasets\.0\.tables\.t; did you mean "unique"\?$/,
  );
  assert.match(await mistakeIn(context, 'zzzzzz: 1\n'), /known are: name, dataFolder, listen/);
});

test('all mistakes are told at once, each at its place', async (context) => {
  const text = await mistakeIn(context, 'listen: { port: 70000 }\ndatasets:\n  - name: "-x"\nlog:\n  level: loud\n');
  const lines = text.split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', /^usync\.yaml:1:11: listen\.port: /);
  assert.match(lines[1] ?? '', /^usync\.yaml:3:5: datasets\.0\.name: a name has letters/);
  assert.match(lines[2] ?? '', /^usync\.yaml:3:5: datasets\.0: a dataset has either "sqlite" or "folder"$/);
  assert.match(lines[3] ?? '', /^usync\.yaml:5:3: log\.level: /);
});

test('a wrong value of the environment or a flag is blamed on it, not on the file', async (context) => {
  assert.match(
    await mistakeIn(context, plain, { env: { USYNC_LISTEN_PORT: 'many' } }),
    /^USYNC_LISTEN_PORT: listen\.port/,
  );
  assert.match(await mistakeIn(context, plain, { flags: { '--log-level': 'x' } }), /^--log-level: log\.level/);
});

test('a mistyped environment variable is an error; a foreign one is not', async (context) => {
  assert.match(
    await mistakeIn(context, plain, { env: { USYNC_LISTEN_PROT: '1' } }),
    /Did you mean USYNC_LISTEN_PORT\?/,
  );
  await loadConfig(sourcesOf(folderWith(context, plain), { env: { USYNC_SEED_OF_SOMETHING: '1' } }));
});

test('text that is not YAML, and a key that stands twice, are errors with line and column', async (context) => {
  assert.match(await mistakeIn(context, 'name: [a\n'), /^usync\.yaml:2:1: /);
  assert.match(await mistakeIn(context, 'name: a\nname: b\n'), /^usync\.yaml:2:1: .*unique/i);
  assert.match(await mistakeIn(context, '- a\n'), /must hold keys/);
});

const two = (b: string): string => `datasets:\n  - { name: a, sqlite: x.db }\n  - ${b}\n`;

test('two datasets with one name or one database, folders in each other, and folders of the system are refused', async (context) => {
  assert.match(await mistakeIn(context, two('{ name: a, sqlite: y.db }')), /:3:7: datasets 1 and 2 have the same name/);
  assert.match(await mistakeIn(context, two('{ name: b, sqlite: ./x.db }')), /:3:16: .* same sqlite/);
  const folders = (a: string, b: string): string =>
    `datasets:\n  - { name: a, folder: ${a} }\n  - { name: b, folder: ${b} }\n`;
  assert.match(await mistakeIn(context, folders('files', 'files/in/it')), /:3:16: .*in\/it lies in .*twice/);
  assert.match(await mistakeIn(context, folders('files/in', './files')), /:3:16: .*files\/in lies in /);
  assert.match(await mistakeIn(context, folders('files', '/etc')), /:3:16: \/etc is a folder of the system/);
  assert.match(await mistakeIn(context, folders('files', '/proc/1')), /is a folder of the system/);
});

test('a value that does not fit is told in plain words, with what was probably meant', async (context) => {
  assert.match(await mistakeIn(context, 'http: { port: 99999 }\n'), /http\.port: must be at most 65535$/);
  const rule = 'datasets:\n  - { name: a, sqlite: x.db, tables: { t: { unique: mrge } } }\n';
  assert.match(await mistakeIn(context, rule), /unique: must be one of merge, hold, rename; did you mean "merge"\?$/);
});

test('no value is told in the words of the library that checks it', async (context) => {
  const text = await mistakeIn(
    context,
    `listen: { port: 70000, host: 5 }
http: { port: 1.5, hosts: 3, enabled: maybe }
alerts: { webhooks: [x], email: { server: bad, from: a, to: [] } }
journal: { daysMax: 0 }
datasets: [{ name: "", folder: "" }, 7]
`,
  );
  assert.doesNotMatch(text, /Invalid|Too (big|small)|expected (string|number|int|array|object)|[<>]=?/);
  for (const words of [
    'listen.host: must be text',
    'listen.port: must be at most 65535',
    'http.port: must be a whole number',
    'http.hosts: must be a list',
    'http.enabled: must be true or false',
    'alerts.webhooks.0: must be a whole address, such as https://example.org/path',
    'alerts.email.from: must have at least 3 characters',
    'alerts.email.to: must have at least 1 entry',
    'journal.daysMax: must be more than 0',
    'datasets.0.folder: must not be empty',
    'datasets.1: must be keys with values',
  ])
    assert.ok(text.includes(words), `${words}\n${text}`);
});

test('a missing file is its own error', async (context) => {
  const folder = folderWith(context, plain);
  await assert.rejects(
    loadConfig(sourcesOf(folder, { file: 'other.yaml' })),
    (error) => error instanceof SyncError && error.code === 'USYNC-1100',
  );
});

const document = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), 'utf8');

test('the published JSON Schema equals the table of options', () => {
  assert.deepEqual(JSON.parse(document('configuration.schema.json')), configJsonSchema());
});

const normal = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');

test('docs/configuration.md holds every option as the table says', () => {
  assert.ok(normal(document('configuration.md')).includes(normal(optionTable())));
});

test('the example of docs/configuration.md is accepted', async (context) => {
  const example = /```yaml\n([\s\S]*?)```/.exec(document('configuration.md'))?.[1] ?? '';
  assert.ok(example.includes('datasets:'));
  await loadConfig(sourcesOf(folderWith(context, example)));
});
