// Goal: the page's folders are its layers, it takes only types from the server, and nothing in it breaks the strict
// content policy. Method: read every import and every line of web/.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const pageFolder = fileURLToPath(new URL('../../../web', import.meta.url));

/** Per layer, the layers that it may import from besides itself. A file directly in web/ is the layer "frame". */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  api: [],
  words: [],
  state: ['api', 'words'],
  parts: ['api', 'words', 'state'],
  screens: ['api', 'words', 'state', 'parts'],
  styles: [],
  frame: ['api', 'words', 'state', 'parts', 'screens'],
};
const packages = ['preact', 'preact/hooks', '@preact/signals', 'uplot', 'uplot/dist/uPlot.min.css', 'uqr'];

const files = readdirSync(pageFolder, { recursive: true })
  .map((name) => String(name).replaceAll('\\', '/'))
  .filter((name) => /\.tsx?$/.test(name) && name !== 'vite.config.ts');
const textOf = (file: string): string => readFileSync(join(pageFolder, file), 'utf8');
const layerOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : 'frame');

const imports = files.flatMap((from) =>
  [...textOf(from).matchAll(/^import\s+(type\s)?(?:[^'"]*?from\s+)?'([^']+)'|import\('([^']+)'\)/gm)].map(
    ([, isType, named, loaded]) => ({ from, isType: isType !== undefined, to: named ?? loaded ?? '' }),
  ),
);

test('the imports of the page are found', () => {
  assert.ok(imports.length > files.length);
});

test('the layers of the page import downward only', () => {
  const wrong = imports.filter(({ from, to }) => {
    if (!to.startsWith('.')) return false;
    const target = normalize(join(dirname(from), to));
    return (
      !target.startsWith('..') &&
      layerOf(target) !== layerOf(from) &&
      !(mayImport[layerOf(from)] ?? []).includes(layerOf(target))
    );
  });
  assert.deepEqual(wrong, []);
});

test('the page takes types of the contract from the server, and nothing else', () => {
  const wrong = imports.filter(({ from, to, isType }) => {
    const target = normalize(join(dirname(from), to));
    return to.startsWith('.') && target.startsWith('..') && !(isType && target.startsWith('../src/http/contract/'));
  });
  assert.deepEqual(wrong, []);
});

test('the page uses the packages that are meant for it, and no other', () => {
  assert.deepEqual(
    imports.filter(({ to }) => !to.startsWith('.') && !packages.includes(to)),
    [],
  );
});

test('no line of the page makes an inline style, raw HTML or an outside address', () => {
  const banned = /\sstyle=|dangerouslySetInnerHTML|innerHTML|\beval\(|https?:\/\//;
  assert.deepEqual(
    files.filter((file) => banned.test(textOf(file))),
    [],
  );
});
