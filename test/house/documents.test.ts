// Goal: documents say what the code does. Method: compare the pages with the tables in the code that they describe.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cliPage } from '../../src/cli/cli-page.js';
import { apiPage } from '../../src/http/api-page.js';
import { errorCatalogue } from '../../src/core/error-catalogue.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
  .concat(readdirSync(join(root, 'docs'), { recursive: true }).map((name) => `docs/${String(name)}`))
  .filter((name) => name.endsWith('.md'));

test('docs/errors.md lists every error code with its title, cause and next step, and no other', () => {
  const text = read('docs/errors.md');
  for (const [code, { title, cause, nextStep }] of Object.entries(errorCatalogue)) {
    assert.ok(text.includes(`| ${code} | ${title} | ${cause} | ${nextStep} |`), code);
  }
  const listed = [...text.matchAll(/USYNC-\d{4}/g)].map(([code]) => code);
  assert.deepEqual(
    listed.filter((code) => !(code in errorCatalogue)),
    [],
  );
});

test('every relative link in the documents leads to a file', () => {
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test('every numbered invariant of docs/protocol.md is cited by the name of a test', () => {
  const sources = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => `${folder}/${String(name)}`)
      .filter((name) => name.endsWith('.test.ts')),
  );
  const citations = sources.flatMap((name) => [...read(name).matchAll(/\(((?:[WST]\d+(?:, )?)+)\)['`],/g)]);
  const cited = new Set(citations.flatMap(([, numbers]) => numbers?.split(', ') ?? []));
  const numbered = [...read('docs/protocol.md').matchAll(/^- \*\*([WST]\d+)\*\*/gm)].map(([, number]) => number ?? '');
  assert.ok(numbered.length > 20);
  assert.deepEqual(
    numbered.filter((number) => !cited.has(number)),
    [],
  );
});

test('every error code that the source names is in the catalogue', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts'));
  const named = sources.flatMap((name) => [...read(join('src', name)).matchAll(/USYNC-\d{4}/g)].map(([code]) => code));
  assert.deepEqual(
    [...new Set(named)].filter((code) => !(code in errorCatalogue)),
    [],
  );
});

test('the dashboards and alert rules name figures that there are', () => {
  const figures = readdirSync(join(root, 'src/http/metrics'))
    .map((name) => read(`src/http/metrics/${name}`))
    .join('');
  const named = ['contrib/grafana-dashboard.json', 'contrib/prometheus-alerts.yml'].flatMap((file) =>
    [...read(file).matchAll(/\b(?:usync|process|nodejs)_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')),
  );
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((name) => !figures.includes(`'${name}'`)),
    [],
  );
});

test('docs/api.md is the table of routes', () => {
  assert.equal(read('docs/api.md'), apiPage());
});

test('docs/cli.md is the help of every command', () => {
  assert.equal(read('docs/cli.md'), cliPage());
});
