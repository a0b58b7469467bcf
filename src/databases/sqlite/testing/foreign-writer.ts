import { execFileSync } from 'node:child_process';

/** A program that is not ours and writes to a SQLite file, as applications do. For tests. */
export interface ForeignWriter {
  readonly name: string;
  /** Runs a script and gives what its queries answered, one row a line, cells split by `|`. Throws when it fails. */
  run(path: string, sql: string): string;
}

/** Those that are installed on this machine: the `sqlite3` shell and Python's module. */
export function foreignWriters(): ForeignWriter[] {
  return [shell, python].filter((writer) => isPresent(writer));
}

const shell: ForeignWriter = {
  name: 'sqlite3 shell',
  run: (path, sql) =>
    execFileSync('sqlite3', ['-batch', '-bail', path], { input: sql, encoding: 'utf8', stdio: 'pipe' }),
};

// Statements are split by Python itself, so that each runs alone, as an application would run it.
const script = `
import re, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
text = ''
for piece in re.split('(?<=;)', sys.stdin.read()):
    text += piece
    if sqlite3.complete_statement(text):
        for row in db.execute(text).fetchall():
            print('|'.join('' if v is None else str(v) for v in row))
        text = ''
if text.strip():
    db.execute(text)
db.close()
`;

const python: ForeignWriter = {
  name: 'python3',
  run: (path, sql) => execFileSync('python3', ['-c', script, path], { input: sql, encoding: 'utf8', stdio: 'pipe' }),
};

function isPresent(writer: ForeignWriter): boolean {
  try {
    writer.run(':memory:', 'SELECT 1;\n');
    return true;
  } catch {
    return false;
  }
}
