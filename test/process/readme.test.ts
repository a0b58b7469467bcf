// Goal: the README's first screen cannot rot. Method: run its command and compare what it prints with what is shown,
// but for numbers that differ from run to run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mainScript } from './server-process.js';

const shown =
  /```text\n([\s\S]*?)```/.exec(readFileSync(new URL('../../../README.md', import.meta.url), 'utf8'))?.[1] ?? '';

const withoutFigures = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) =>
      line
        .trimEnd()
        .replaceAll(/[0-9a-f]{32}/g, 'HASH')
        .replaceAll(/\d[\d,.]*( (ms|s|min))?/g, 'N'),
    );

test('the demo prints what the README shows, ends well and within a minute', () => {
  const startedAt = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainScript, 'demo'], {
    encoding: 'utf8',
    timeout: 170_000,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.deepEqual(withoutFigures(stdout), withoutFigures(shown));
  assert.ok(performance.now() - startedAt < 120_000, 'takes far longer than a minute');
});
