// The test command: build, static checks, then every *.test.js in its own process. `--only TEXT` runs matching files without the checks.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const onlyAt = process.argv.indexOf('--only');
const only = onlyAt < 0 ? null : (process.argv[onlyAt + 1] ?? '');

function run(title, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`npm test: ${title} failed`);
  process.exit(1);
}

run('system packages for the tests', 'bash', ['scripts/install-test-tools.sh']);
run('build', 'npm', ['run', '--silent', 'build']);
if (only === null) {
  run('lint', 'npm', ['run', '--silent', 'lint']);
  run('format check', 'npm', ['run', '--silent', 'format:check']);
}
const files = readdirSync(`${root}/build`, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.test.js') && (only === null || name.includes(only)))
  .toSorted()
  .map((name) => `build/${name}`);
run('tests', process.execPath, ['--test', '--test-concurrency=2', ...files]);
