/** Files that are kept open: what they answer, and that each is closed once. */
import assert from 'node:assert/strict';
import { constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EntryVersion } from '../core/entry.js';
import { createRealDisk } from '../system/real-disk.js';
import { createRealSystem } from '../system/real-system.js';
import { createContentHandles, type ContentHandles } from './content-handles.js';

function ground(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'usync-handles-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const closed: number[] = [];
  const disk = createRealDisk();
  const watched = {
    ...disk,
    close(handle: number) {
      closed.push(handle);
      disk.close(handle);
    },
  };
  const handles = createContentHandles(watched, createRealSystem());
  const keep = (name: string): number => {
    writeFileSync(join(folder, name), `content of ${name}`);
    const handle = disk.open(join(folder, name), constants.O_RDONLY);
    handles.keep(name as EntryVersion, handle);
    return handle;
  };
  return { folder, handles, closed, keep };
}

function read(handles: ContentHandles, length: number): string | null {
  const into = Buffer.alloc(length);
  return handles.read('a' as EntryVersion, { offset: 8, into }) ? into.toString() : null;
}

test('a file that was replaced is still read as it was; one that became shorter is no answer and is closed', (context) => {
  const { folder, handles, closed, keep } = ground(context);
  const handle = keep('a');
  rmSync(join(folder, 'a'));
  assert.equal(read(handles, 4), 'of a');
  assert.equal(read(handles, 400), null);
  assert.deepEqual(closed, [handle]);
  assert.equal(read(handles, 4), null);
  handles.close();
});

test('four are kept, the oldest is closed for a fifth, and all are closed at the end', (context) => {
  const { handles, closed, keep } = ground(context);
  const kept = ['a', 'b', 'c', 'd', 'e'].map(keep);
  assert.deepEqual(closed, kept.slice(0, 1));
  handles.close();
  assert.deepEqual(closed, kept);
});
