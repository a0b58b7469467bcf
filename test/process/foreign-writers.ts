import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const isThere = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** Programs that write to databases without any code of ours. Tests that need one that is not installed are skipped. */
export const foreignWriters = { shell: isThere('sqlite3'), python: isThere('python3') };

const writerScript = fileURLToPath(new URL('../../../test/process/writer.py', import.meta.url));

/** Runs SQL in the `sqlite3` shell; waits for locks as a polite application does. */
export function runShell(database: string, sql: string): string {
  const { status, stdout, stderr } = spawnSync('sqlite3', ['-bail', '-cmd', '.timeout 10000', database], {
    input: sql,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`sqlite3 ${database}: ${stderr}`);
  return stdout;
}

/** Runs a script of Python, with `db` open on the database as an application opens it. */
export function runPython(database: string, script: string): string {
  const opening =
    'import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=10)\ndb.execute("PRAGMA foreign_keys = ON")\n';
  const { status, stdout, stderr } = spawnSync('python3', ['-', database], {
    input: `${opening}${script}`,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`python3 ${database}: ${stderr}`);
  return stdout;
}

export interface WriterRun {
  /** Resolves with the names of all artists whose insert was committed. */
  readonly done: Promise<readonly string[]>;
}

/** Random transactions on the music database by Python's `sqlite3` module; each committed artist is reported. */
export function runPythonWriter(options: {
  database: string;
  label: string;
  seed: number;
  transactions: number;
  pauseMs?: number;
}): WriterRun {
  const { database, label, seed, transactions, pauseMs = 0 } = options;
  const child = spawn('python3', [writerScript, database, label, String(seed), String(transactions), String(pauseMs)]);
  let output = '';
  let complaint = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()));
  const done = new Promise<readonly string[]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(output.split('\n').filter((line) => line !== ''));
      else reject(new Error(`writer.py on ${database}: ${complaint}`));
    });
  });
  return { done };
}
