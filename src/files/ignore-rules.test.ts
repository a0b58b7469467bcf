/**
 * Goal: patterns mean what they mean to git. Method: a corpus by hand, and random patterns and paths judged by git itself
 * where it is installed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryFolder } from '../databases/sqlite/testing/temporary-folder.js';
import { createIgnoreRules, defaultIgnores } from './ignore-rules.js';

/** Patterns, path (folders end with "/"), whether it is left out. */
const corpus: readonly (readonly [string, string, boolean])[] = [
  ['*.log', 'a.log', true],
  ['*.log', 'x/y/a.log', true],
  ['*.log', 'a.logs', false],
  ['/a.log', 'x/a.log', false],
  ['/a.log', 'a.log', true],
  ['x/a.log', 'x/a.log', true],
  ['x/a.log', 'y/x/a.log', false],
  ['build/', 'build/', true],
  ['build/', 'build', false],
  ['build/', 'build/deep/file', true],
  ['build/', 'x/build/file', true],
  ['**/build', 'x/y/build', true],
  ['x/**', 'x/', false],
  ['x/**', 'x/y', true],
  ['x/**/y', 'x/y', true],
  ['x/**/y', 'x/a/b/y', true],
  ['x/**/y', 'x/a/b/z', false],
  ['*.log\n!keep.log', 'keep.log', false],
  ['logs/\n!logs/keep.log', 'logs/keep.log', true],
  ['# no pattern', '# no pattern', false],
  [String.raw`\#mark`, '#mark', true],
  [String.raw`\!mark`, '!mark', true],
  ['a ', 'a', true],
  [String.raw`a\ `, 'a ', true],
  ['[abc].txt', 'b.txt', true],
  ['[!abc].txt', 'b.txt', false],
  ['[a-c]x', 'bx', true],
  ['[[:digit:]]x', '7x', true],
  ['[a', '[a', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a*c', 'a/c', false],
  ['a**c', 'abbc', true],
  ['*', 'anything', true],
  ['', 'a', false],
  ['/', 'a', false],
  ['a.txt\r', 'a.txt', true],
];

test('patterns of the corpus decide as gitignore does', () => {
  for (const [lines, path, expected] of corpus)
    assert.equal(isIgnored(lines.split('\n'), path), expected, JSON.stringify([lines, path]));
});

const isIgnored = (lines: readonly string[], path: string): boolean =>
  createIgnoreRules(lines).isIgnored(path.replace(/\/$/, ''), path.endsWith('/'));

const hasGit = spawnSync('git', ['--version']).status === 0;

test('random patterns decide as git itself does', { skip: !hasGit && 'git is not installed' }, () => {
  using folder = temporaryFolder();
  const git = (args: readonly string[], input = ''): string =>
    spawnSync('git', ['-C', folder.root, ...args], { input, encoding: 'utf8' }).stdout;
  git(['init', '-q']);
  // Two stars within a name are left out: git takes them for folders when only letters stand before them.
  const piece = fc.constantFrom('a', 'b', 'c', '*', '?', '[ab]', '[!a]', 'ab', String.raw`\a`);
  const name = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join('').replaceAll(/\*+/g, '*'));
  const part = fc.oneof({ weight: 4, arbitrary: name }, fc.constant('**'));
  const line = fc
    .record({
      parts: fc.array(part, { minLength: 1, maxLength: 4 }),
      start: fc.constantFrom('', '', '', '/', '!', '!/', '**/'),
      end: fc.constantFrom('', '', '', '/', '/**'),
    })
    .map(({ parts, start, end }) => `${start}${parts.join('/')}${end}`);
  const plain = fc.constantFrom('a', 'b', 'c', 'ab', 'ba', 'abc');
  const path = fc.array(plain, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 4 }),
      fc.array(path, { minLength: 12, maxLength: 24 }),
      (lines, paths) => {
        writeFileSync(join(folder.root, '.git/info/exclude'), lines.join('\n'));
        const wanted = [...new Set(paths)];
        const answer = git(['check-ignore', '--no-index', '--stdin'], wanted.join('\n'));
        const ignored = new Set(answer.split('\n'));
        for (const each of wanted)
          assert.equal(isIgnored(lines, each), ignored.has(each), JSON.stringify({ lines, each }));
      },
    ),
    { numRuns: 150 },
  );
});

test('databases of versions, locks, temporary files and secrets are left out by default; data is not', () => {
  for (const path of [
    '.git/',
    'x/.git/config',
    'a.tmp',
    '.env',
    'keys/server.pem',
    '~$report.docx',
    'x/__pycache__/a.pyc',
  ])
    assert.ok(isIgnored(defaultIgnores, path), path);
  for (const path of ['a.txt', 'x/photo.jpg', '.env.example', 'config.yaml', 'data.db', 'app.log', 'package-lock.json'])
    assert.ok(!isIgnored(defaultIgnores, path), path);
});

test('a hostile pattern takes no time that matters', () => {
  const started = process.hrtime.bigint();
  isIgnored([`${'*a'.repeat(200)}b`, `${'**/a/'.repeat(100)}b`], 'a/'.repeat(100) + 'a'.repeat(250));
  assert.ok(Number(process.hrtime.bigint() - started) < 1e9);
});
