import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { createTerminal } from './terminal.js';

function failed(context: TestContext, error: unknown): string {
  let said = '';
  const write = context.mock.method(process.stderr, 'write', (text: string) => {
    said += text;
    return true;
  });
  createTerminal({ isJson: false, isQuiet: false, hasColour: false }).fail(error);
  write.mock.restore();
  return said;
}

test('a message of several lines is told in one, so that none passes for a line of ours', (context) => {
  const said = failed(context, new Error('Cannot find module\nRequire stack:\n- /x\u001b[31m'));
  assert.equal(said.split('\n')[0], 'usync: Cannot find module Require stack: - /x\\u001b[31m');
});

test('each mistake of a configuration has a line of its own', (context) => {
  const said = failed(context, new SyncError('USYNC-1101', 'one\ntwo'));
  assert.deepEqual(said.split('\n').slice(0, 2), ['usync: one', '  two']);
});
