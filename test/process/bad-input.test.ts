// Goal: bad input gets a clear error with what to do and an exit code, and nothing is lost or half done.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';
import { createMusicDatabase } from './music-database.js';
import {
  createWorkplace,
  mainScript,
  succeeded,
  untilProven,
  waitUntil,
  type CommandResult,
  type ServerProcess,
  type Workplace,
} from './server-process.js';

const exitCodes = { failure: 1, usage: 2, noEngine: 4, notTrusted: 7 };

/** What every error shows: its code, a sentence on what failed, and what to do. */
function checkError(result: CommandResult, code: string, status: number, ...words: readonly RegExp[]): void {
  const text = result.stdout + result.stderr;
  assert.match(text, new RegExp(code), text);
  assert.equal(result.status, status, text);
  assert.doesNotMatch(text, /\n\s+at .*\.js:\d+/, 'no stack trace for people');
  for (const word of words) assert.match(text, word);
}

function ownTablesIn(path: string): number {
  const connection = openConnection(path);
  try {
    return Number(
      connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_usync%' ESCAPE '\\'").get()?.[0],
    );
  } finally {
    connection.close();
  }
}

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('bad input', () => {
  let workplace: Workplace;
  let server: ServerProcess;

  beforeEach(async () => {
    workplace = createWorkplace();
    server = await workplace.addServer('a');
  });
  afterEach(() => workplace.clear());

  test('a reader that leaves early, such as "head", makes no command fail aloud', () => {
    const pipeline = `"${process.execPath}" "${mainScript}" config schema | true`;
    assert.equal(spawnSync('sh', ['-c', pipeline], { encoding: 'utf8' }).stderr, '');
  });

  test('a database that is missing', () => {
    checkError(server.usync('run'), 'USYNC-1200', exitCodes.failure, /music\.db/);
    checkError(server.usync('check'), 'USYNC-1200', exitCodes.failure);
  });

  test('a database that is named to init and is missing leaves no configuration behind', () => {
    rmSync(server.configPath);
    checkError(server.usync('init', '--database', 'nope.db'), 'USYNC-1200', exitCodes.failure, /nope\.db/);
    assert.equal(existsSync(server.configPath), false);
  });

  test('init names the folders that look like data, and takes none that nobody named', () => {
    rmSync(server.configPath);
    createMusicDatabase(server.database, 'plain');
    for (const folder of ['web/uploads/2026', 'instance/media', 'src/files', '.hidden/uploads', 'code'])
      mkdirSync(join(server.folder, folder), { recursive: true });
    for (const name of ['a.jpg', 'index.db', 'index.db-wal', '.env'])
      writeFileSync(join(server.folder, 'web/uploads/2026', name), 'x');
    const { stdout } = succeeded(server.usync('--json', 'init', '--dry-run'));
    const { proposedFolders, datasets } = JSON.parse(stdout) as {
      proposedFolders: unknown;
      datasets: readonly { readonly folder?: string }[];
    };
    assert.deepEqual(proposedFolders, ['instance/media', 'web/uploads'], 'the inner folder, not what holds it');
    assert.ok(datasets.every((each) => each.folder === undefined));
    assert.match(server.usync('init', '--dry-run').stdout, /web\/uploads: 1 file; .*usync init --folder web\/uploads/);
  });

  test('a folder that is named to init is added to the configuration that is there; what else it says stays', () => {
    const inFolder = (name: string): string => join(server.folder, name);
    for (const name of ['uploads', 'music']) mkdirSync(inFolder(name));
    writeFileSync(server.configPath, `# kept\n${readFileSync(server.configPath, 'utf8')}`);
    const untouched = readFileSync(server.configPath, 'utf8');
    const told = succeeded(server.usync('init', '--dry-run', '--folder', inFolder('uploads')));
    assert.match(told.stdout + told.stderr, /uploads: the folder uploads.*databases.*stays as it is/s);
    assert.equal(readFileSync(server.configPath, 'utf8'), untouched);
    succeeded(server.usync('init', '--folder', inFolder('uploads'), inFolder('music')));
    const text = readFileSync(server.configPath, 'utf8');
    assert.match(text, /^# kept/);
    const { datasets } = parse(text) as { datasets: unknown };
    assert.deepEqual(datasets, [
      { name: 'music', sqlite: 'music.db' },
      { name: 'uploads', folder: 'uploads' },
      { name: 'music-files', folder: 'music' },
    ]);
    succeeded(server.usync('init', '--folder', inFolder('uploads')));
    assert.equal(readFileSync(server.configPath, 'utf8'), text);
    checkError(server.usync('init', '--folder', inFolder('nowhere')), 'USYNC-1700', exitCodes.failure, /nowhere/);
    mkdirSync(inFolder('uploads/inner'));
    checkError(server.usync('init', '--folder', inFolder('uploads/inner')), 'USYNC-1101', exitCodes.usage, /twice/);
    checkError(server.usync('init', '--folder', '/etc'), 'USYNC-1101', exitCodes.usage, /folder of the system/);
    const renamed = server.usync('init', '--folder', inFolder('music'), '--server-name', 'other');
    checkError(renamed, 'USYNC-1101', exitCodes.usage, /names this server/);
    assert.equal(readFileSync(server.configPath, 'utf8'), text);
    checkError(server.usync('init'), 'USYNC-1101', exitCodes.usage, /init --folder/);
  });

  test('a database that is encrypted, or no database at all, is left as it is', () => {
    writeFileSync(server.database, randomBytes(8192));
    const before = hashOf(server.database);
    checkError(server.usync('run'), 'USYNC-1203', exitCodes.failure, /music\.db/);
    assert.equal(hashOf(server.database), before);
  });

  test('a file that is named to init and is no database is refused, and nothing is written', () => {
    rmSync(server.configPath);
    const wrong = join(server.folder, 'x.db');
    writeFileSync(wrong, randomBytes(8192));
    createMusicDatabase(server.database, 'plain');
    const named = server.usync('init', '--database', server.database, wrong);
    checkError(named, 'USYNC-1203', exitCodes.failure, /x\.db/);
    assert.equal(existsSync(server.configPath), false);
    writeFileSync(wrong, 'SQLite format 3\0 and nothing that follows');
    const { stdout } = succeeded(server.usync('init', '--server-name', 'a'));
    assert.match(stdout, /x: not taken: .*x\.db/, 'what was found is left out with the reason');
    assert.deepEqual((parse(readFileSync(server.configPath, 'utf8')) as { datasets: unknown }).datasets, [
      { name: 'music', sqlite: 'music.db' },
    ]);
  });

  test('init beside a configuration that is there says what becomes of a name, and mixes nothing with --new-identity', () => {
    const untouched = readFileSync(server.configPath, 'utf8');
    checkError(server.usync('init', '--server-name', 'b'), 'USYNC-1101', exitCodes.usage, /change "name"/);
    const mixed = server.usync('init', '--new-identity', '--server-name', 'b');
    checkError(mixed, 'USYNC-1103', exitCodes.usage, /no other option/);
    assert.equal(readFileSync(server.configPath, 'utf8'), untouched);
  });

  test('a configuration that names no dataset is a mistake to "check"', () => {
    writeFileSync(server.configPath, 'name: a\n');
    checkError(server.usync('check'), 'USYNC-1101', exitCodes.usage, /names no dataset/, /init --folder/);
  });

  test('a folder that is missing is a mistake to "check"', () => {
    writeFileSync(server.configPath, 'name: a\ndatasets: [{ name: files, folder: nowhere }]\n');
    checkError(server.usync('check'), 'USYNC-1700', exitCodes.failure, /Dataset files: .*nowhere/);
  });

  test('the settings are shown one a line, as wide as a value and its place need', () => {
    const { stdout } = succeeded(server.usync('config', 'show'));
    assert.match(stdout, /^name = a  \(.*usync\.yaml:1:1\)$/m);
    assert.match(stdout, /^journal\.daysMax = 14$/m);
    assert.match(stdout, /^http\.port is not set$/m);
    assert.match(stdout, /^datasets:  \(.*\)\n {2}0\.name = music\n {2}0\.sqlite = .*music\.db\n/m);
    const long = stdout.split('\n').filter((line) => line.length > 80 + server.folder.length);
    assert.deepEqual(long, []);
    const { config } = JSON.parse(succeeded(server.usync('--json', 'config', 'show')).stdout) as { config: object };
    assert.ok('datasets' in config);
  });

  test('a corrupt database is left as it is', () => {
    createMusicDatabase(server.database, 'plain');
    const bytes = readFileSync(server.database);
    bytes.fill(0xff, 4096, Math.min(bytes.length, 40_960));
    writeFileSync(server.database, bytes);
    for (const suffix of ['-wal', '-shm']) rmSync(`${server.database}${suffix}`, { force: true });
    const before = hashOf(server.database);
    checkError(server.usync('run'), 'USYNC-120[34]', exitCodes.failure, /music\.db/);
    assert.equal(hashOf(server.database), before);
  });

  test('a database that another program holds locked', () => {
    createMusicDatabase(server.database, 'plain');
    const other = openConnection(server.database);
    other.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    checkError(server.usync('check'), 'USYNC-1201', exitCodes.failure, /music\.db/);
    other.exec('ROLLBACK');
    other.close();
    succeeded(server.usync('check'));
  });

  test(
    'a database that this user cannot write',
    { skip: process.getuid?.() === 0 ? false : 'needs root, to become another user' },
    (context) => {
      createMusicDatabase(server.database, 'plain');
      chmodSync(workplace.root, 0o755);
      chmodSync(server.database, 0o444);
      mkdirSync(server.dataFolder);
      chownSync(server.dataFolder, 65_534, 65_534);
      const asNobody = (...args: readonly string[]): CommandResult =>
        spawnSync(process.execPath, [mainScript, '--config', server.configPath, ...args], {
          encoding: 'utf8',
          uid: 65_534,
          gid: 65_534,
          timeout: 60_000,
        });
      if (asNobody('--version').status !== 0) return context.skip('the other user cannot read the program');
      checkError(asNobody('run'), 'USYNC-1202', exitCodes.failure, /music\.db/);
      checkError(asNobody('check'), 'USYNC-1202', exitCodes.failure, /Dataset music: .*music\.db/);
      const { datasets } = JSON.parse(asNobody('--json', 'check').stdout) as {
        datasets: [{ error: { code: string } }];
      };
      assert.equal(datasets[0].error.code, 'USYNC-1202');
      return undefined;
    },
  );

  test('a port that is in use', async () => {
    createMusicDatabase(server.database, 'plain');
    const config = parse(readFileSync(server.configPath, 'utf8')) as { listen: { port: number } };
    const other = createServer().listen(config.listen.port, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    checkError(server.usync('run'), 'USYNC-1500', exitCodes.failure, new RegExp(String(config.listen.port)));
    assert.equal(ownTablesIn(server.database), 0, 'nothing was put into the database');
    await new Promise((resolve) => other.close(resolve));
    await server.start();
  });

  test('a page that is not at its usual port says so at the start, in the status and in "doctor"', async () => {
    const other = createServer();
    // Whoever has it already is another program just as well.
    await new Promise<void>((resolve) => other.once('error', () => resolve()).listen(7421, '127.0.0.1', resolve));
    const apart = await workplace.addServer('apart', undefined, { http: { enabled: true } });
    createMusicDatabase(apart.database, 'plain');
    await apart.start();
    await waitUntil('the page is served', 30_000, () => Promise.resolve(apart.log().includes('had port 7421')));
    assert.match(
      apart.usync('status').stdout,
      /^The page: http:\/\/127.0.0.1:\d+\/sync\/\n {2}Another program had port 7421/m,
    );
    assert.match(
      apart.usync('doctor').stdout,
      /OK {4}page: http:\/\/127.0.0.1:\d+\/sync\/; Another program had port 7421/,
    );
    other.close();
  });

  test('where one database is missing, nothing is put into the others, and the dataset is named', () => {
    createMusicDatabase(server.database, 'plain');
    const config = parse(readFileSync(server.configPath, 'utf8')) as { datasets: object[] };
    config.datasets.push({ name: 'orders', sqlite: 'orders.db' });
    writeFileSync(server.configPath, stringify(config));
    checkError(server.usync('run'), 'USYNC-1200', exitCodes.failure, /Dataset orders: .*orders\.db/);
    assert.equal(ownTablesIn(server.database), 0);
  });

  test('a start right after the stop of the engine before waits for its end', async () => {
    createMusicDatabase(server.database, 'plain');
    await server.start();
    server.signal('SIGTERM');
    const next = spawn(process.execPath, [mainScript, '--config', server.configPath, 'run'], { stdio: 'pipe' });
    let output = '';
    for (const stream of [next.stdout, next.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
    const ended = new Promise<number | null>((resolve) => next.once('exit', resolve));
    while (next.exitCode === null && !output.includes('/sync/'))
      await new Promise((resolve) => setTimeout(resolve, 50));
    next.kill('SIGTERM');
    assert.equal(await ended, 0, output);
  });

  test('a typo in the configuration is named with its place and a suggestion', () => {
    const text = readFileSync(server.configPath, 'utf8').replace('datasets:', 'datsets:');
    writeFileSync(server.configPath, text);
    checkError(server.usync('run'), 'USYNC-1101', exitCodes.usage, /datsets/, /datasets/, /usync\.yaml:\d+/);
  });

  test('a configuration that is missing, and a command that does not exist', () => {
    rmSync(server.configPath);
    checkError(server.usync('run'), 'USYNC-1100', exitCodes.usage, /usync init/);
    assert.equal(server.usync('stauts').status, exitCodes.usage);
  });

  test('a command that needs a running engine says that none runs', () => {
    checkError(server.usync('status'), 'USYNC-1506', exitCodes.noEngine, /usync run/);
  });

  test('F39: a second engine on the same database is refused and told who holds it, also from another data folder', async () => {
    createMusicDatabase(server.database, 'plain');
    await server.start();
    assert.notEqual(server.usync('run').status, 0);
    const config = parse(readFileSync(server.configPath, 'utf8')) as Record<string, unknown>;
    writeFileSync(
      join(server.folder, 'second.yaml'),
      stringify({ ...config, name: 'second', dataFolder: 'second-data', listen: { host: '127.0.0.1', port: 0 } }),
    );
    const second = spawnSync(process.execPath, [mainScript, '--config', join(server.folder, 'second.yaml'), 'run'], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    checkError({ ...second, stdout: second.stdout, stderr: second.stderr }, 'USYNC-1206', exitCodes.failure, /\ba\b/);
    assert.ok(server.isRunning());
  });

  test('invite codes that are mistyped, used or expired are refused, and nothing changes', async () => {
    createMusicDatabase(server.database, 'plain');
    await server.start();
    const others = [await workplace.addServer('b'), await workplace.addServer('c')] as const;
    for (const other of others) {
      createMusicDatabase(other.database, 'plain');
      await other.start();
    }
    const codeOf = (...args: string[]): string =>
      (JSON.parse(succeeded(server.usync('--json', 'invite', ...args)).stdout) as { code: string }).code;
    const code = codeOf();
    const mistyped = code.slice(0, -3) + (code.endsWith('aaa') ? 'bbb' : 'aaa');
    checkError(others[0].usync('join', mistyped), 'USYNC-1400', exitCodes.notTrusted);
    succeeded(others[0].usync('join', code));
    checkError(others[1].usync('join', code), 'USYNC-1400', exitCodes.notTrusted);
    const expired = codeOf('--hours', '0.0001');
    await new Promise((resolve) => setTimeout(resolve, 500));
    checkError(others[1].usync('join', expired), 'USYNC-1400', exitCodes.notTrusted);
    await untilProven([server, others[0]]);
    assert.match(succeeded(others[0].usync('join', code)).stdout, /in the group of .* already; the code was not used/);
  });

  test('an inviting server that is not reached is told with its address, and no promise to try again', async () => {
    createMusicDatabase(server.database, 'plain');
    await server.start();
    const { code } = JSON.parse(succeeded(server.usync('--json', 'invite')).stdout) as { code: string };
    await server.end('SIGTERM');
    const other = await workplace.addServer('b');
    createMusicDatabase(other.database, 'plain');
    const joined = other.usync('join', code);
    checkError(joined, 'USYNC-1501', exitCodes.failure, /127\.0\.0\.1:\d+/, /join again with the same code/);
    assert.doesNotMatch(joined.stderr, /by itself/);
  });

  test('garbage, HTTP and silence on the port harm nobody', async () => {
    createMusicDatabase(server.database, 'plain');
    await server.start();
    const { listen } = parse(readFileSync(server.configPath, 'utf8')) as { listen: { port: number } };
    for (const bytes of [randomBytes(4096), Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), Buffer.alloc(0)]) {
      const socket = connect(listen.port, '127.0.0.1');
      socket.on('error', () => undefined);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.end(bytes);
      socket.resume();
      await closed;
    }
    assert.equal((await server.status()).server.name, 'a');
  });
});
