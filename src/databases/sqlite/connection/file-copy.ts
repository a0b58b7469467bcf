import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CopyOrder {
  readonly from: string;
  readonly to: string;
}

export type CopyReply =
  { readonly kind: 'ready' } | { readonly kind: 'copied' } | { readonly kind: 'failed'; readonly reason: string };

/** A process that waits to copy one file: started before the lock is taken, so that the lock is held for the copy alone. */
export interface FileCopier {
  /** Throws when it cannot be copied: no room, no right, or a system that lets nobody read what is locked. */
  copy(order: CopyOrder): Promise<void>;
  /** Ends the process, whatever it does. */
  end(): void;
}

const program = fileURLToPath(new URL('./file-copy-worker.js', import.meta.url));

export async function startFileCopier(): Promise<FileCopier> {
  const child = fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'json' });
  const end = (): void => void child.kill('SIGKILL');
  try {
    await replyOf(child, 'ready');
  } catch (error) {
    end();
    throw error;
  }
  return {
    async copy(order) {
      const copied = replyOf(child, 'copied');
      child.send(order);
      await copied;
    },
    end,
  };
}

async function replyOf(child: ChildProcess, wanted: CopyReply['kind']): Promise<void> {
  const reply = await new Promise<CopyReply>((resolve, reject) => {
    child.once('message', (message) => resolve(message as CopyReply));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the process that copies ended (${signal ?? code})`)));
  });
  if (reply.kind === 'failed') throw new Error(reply.reason);
  if (reply.kind !== wanted) throw new Error(`the process that copies said ${reply.kind}`);
}
