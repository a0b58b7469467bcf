/**
 * The process behind `copyLockedFile`: copies one file and ends. It is a process, since whoever opens a database file besides
 * SQLite takes away the locks of its own process when it closes it.
 */
import { constants, copyFileSync } from 'node:fs';
import { errorMessageOf } from '../../../core/sync-error.js';
import type { CopyOrder, CopyReply } from './file-copy.js';

const reply = (message: CopyReply): void => void process.send?.(message, () => process.disconnect());

process.once('message', ({ from, to }: CopyOrder) => {
  try {
    // Where the file system can, both share their blocks until one of them is written.
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    reply({ kind: 'copied' });
  } catch (error) {
    reply({ kind: 'failed', reason: errorMessageOf(error) });
  }
});
process.send?.({ kind: 'ready' } satisfies CopyReply);
