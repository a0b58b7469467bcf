// Goal: the built page is small, asks nothing from outside, and fits the strictest content policy. Method: read the
// files that the server would serve.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const builtFolder = fileURLToPath(new URL('../../web', import.meta.url));
const compressedBytesMax = 120_000;

const files = readdirSync(builtFolder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => ({ name, bytes: readFileSync(join(parentPath, name)) }));
const index = files.find(({ name }) => name === 'index.html')?.bytes.toString() ?? '';

test('the whole page compresses to at most 120 kB', () => {
  const sum = files.reduce((bytes, file) => bytes + gzipSync(file.bytes).length, 0);
  assert.ok(sum > 10_000, `only ${sum} bytes: the page was not built`);
  assert.ok(sum <= compressedBytesMax, `${sum} bytes`);
});

test('no file of the page names an outside address', () => {
  // Names of XML namespaces are never asked for.
  const known = /https?:\/\/(?:www\.w3\.org\/(?:2000\/svg|1998\/Math\/MathML|1999\/x(?:html|link)))/g;
  const found = files.flatMap(({ name, bytes }) =>
    [
      ...bytes
        .toString('latin1')
        .replaceAll(known, '')
        .matchAll(/(?:https?:)?\/\/[a-z0-9-]+\.[a-z0-9.-]+[^\s"'`)]*/gi),
    ].map(([address]) => `${name}: ${address}`),
  );
  assert.deepEqual(found, []);
});

test('the page has no script or style of its own inside, and no handler in a tag', () => {
  assert.match(index, /<script type="module" [^>]*src="\/assets\/[^"]+"><\/script>/);
  assert.doesNotMatch(index, /<script(?![^>]*\bsrc=)/);
  assert.doesNotMatch(index, /<style|\sstyle=|\son[a-z]+=/);
});
