/** What is synced after a commit, in each journal mode, on real files. Whether a disk keeps its word no test can tell. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { openConnection } from './driver.js';
import { syncCommits, type OpenFile } from './durable-flush.js';
import { openDatabase } from './open-database.js';

const expected: Readonly<Record<string, readonly string[]>> = {
  wal: ['app.db-wal'],
  delete: ['folder'],
  truncate: ['app.db-journal', 'folder'],
  persist: ['app.db-journal', 'folder'],
};

for (const [mode, synced] of Object.entries(expected))
  test(`${mode}: what could undo a commit after a power loss is synced`, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'usync-flush-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'app.db');
    const application = openConnection(path, { busyTimeoutMs: 1_000 });
    application.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE item (id INTEGER PRIMARY KEY)`);
    application.close();
    const { connection, realPath } = openDatabase(path);
    context.after(() => connection.close());
    // The journal mode that is not kept in the file is one of the connection; ours are left as they are.
    connection.exec(`PRAGMA journal_mode = ${mode}; INSERT INTO item VALUES (1)`);
    const names: string[] = [];
    const openFile: OpenFile = async (target, flags) => {
      const file = await open(target, flags);
      return {
        sync: async () => {
          names.push(target === folder ? 'folder' : basename(target));
          await file.sync();
        },
        close: () => file.close(),
      };
    };
    await syncCommits(realPath, openFile);
    assert.deepEqual(names, process.platform === 'win32' ? synced.filter((name) => name !== 'folder') : synced);
  });
