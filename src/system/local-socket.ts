/**
 * Lines of text between processes of one user on one machine: a unix domain socket in a folder that only the owner can
 * enter (a named pipe on Windows). Nothing of it is reachable over a network.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { errorMessageOf, SyncError } from '../core/sync-error.js';

export interface LineChannel {
  send(line: string): void;
  /** Exactly one listener; set in the same turn in which the channel was given. */
  listen(listener: LineListener): void;
  close(): void;
}

export interface LineListener {
  onLine(line: string): void;
  /** Called once; `reason` is null for an ordinary end. */
  onClose(reason: string | null): void;
}

export interface LocalListening {
  readonly path: string;
  /** Ends all channels and removes the socket. */
  close(): Promise<void>;
}

export interface LocalSocketOptions {
  readonly folder: string;
  readonly name: string;
  /** A longer line ends the channel. */
  readonly lineBytesMax: number;
}

/** The caller holds the lock of the folder: a socket that is still there belongs to nobody. */
export async function listenLocal(
  options: LocalSocketOptions,
  onChannel: (channel: LineChannel) => void,
): Promise<LocalListening> {
  const path = socketPath(options);
  if (isApart(options, path)) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await requireOwnFolder(dirname(path));
  }
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    onChannel(lineChannel(socket, options.lineBytesMax));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', (error) =>
      fail(new SyncError('USYNC-1102', `The control socket ${path} cannot be made: ${errorMessageOf(error)}.`)),
    );
    server.listen(path, done);
  });
  server.on('error', () => undefined);
  if (!path.startsWith(pipePrefix)) await chmod(path, 0o600);
  return {
    path,
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
      await rm(path, { force: true });
    },
  };
}

/** Throws `USYNC-1506` when nobody listens there. */
export async function connectLocal(options: LocalSocketOptions): Promise<LineChannel> {
  const path = socketPath(options);
  if (isApart(options, path)) await requireOwnFolder(dirname(path));
  const socket = connect(path);
  await new Promise<void>((done, fail) => {
    socket.once('connect', done);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const isForbidden = error.code === 'EACCES' || error.code === 'EPERM';
      const text = isForbidden
        ? `The engine in ${options.folder} belongs to another user.`
        : `No engine runs with the data folder ${options.folder}.`;
      fail(
        new SyncError('USYNC-1506', text, {
          cause: error,
          ...(isForbidden ? { nextStep: 'Run the command as the user who runs the engine.' } : {}),
        }),
      );
    });
  });
  return lineChannel(socket, options.lineBytesMax);
}

const pipePrefix = '\\\\.\\pipe\\';
/** Shorter than what any system allows (104 to 108 bytes with the closing zero). */
const socketPathBytesMax = 100;

function socketPath({ folder, name }: LocalSocketOptions): string {
  const path = join(resolve(folder), name);
  const hash = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 24);
  if (process.platform === 'win32') return `${pipePrefix}usync-${hash}`;
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path;
  return join(tmpdir(), `usync-${process.getuid?.() ?? 0}`, `${hash}.sock`);
}

/** Whether the socket stands in a folder of its own, outside the data folder. */
const isApart = ({ folder }: LocalSocketOptions, path: string): boolean =>
  !path.startsWith(pipePrefix) && dirname(path) !== resolve(folder);

/**
 * That folder must be this user's own, or someone else could answer in the engine's place. One that is not there is no
 * fault of anybody: then nobody listens.
 */
async function requireOwnFolder(folder: string): Promise<void> {
  const found = await lstat(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return;
  const isOwn = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (isOwn) return;
  throw new SyncError('USYNC-1102', `${folder} is not a private folder of this user: another could answer there.`, {
    nextStep:
      'Look who made it, remove it, and start the engine again; or set "dataFolder" to a folder with a shorter path.',
  });
}

function lineChannel(socket: Socket, lineBytesMax: number): LineChannel {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let listener: LineListener | null = null;
  let reason: string | null = null;
  const take = (chunk: Buffer): void => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, end)]).toString('utf8');
      [rest, restBytes, from] = [[], 0, end + 1];
      if (line.trim() !== '') listener?.onLine(line);
    }
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes <= lineBytesMax) return;
    reason = 'a line was too long';
    socket.destroy();
  };
  socket.on('error', (error) => {
    reason ??= errorMessageOf(error);
  });
  socket.on('close', () => listener?.onClose(reason));
  return {
    send: (line) => {
      if (socket.writable) socket.write(`${line}\n`);
    },
    listen: (given) => {
      listener = given;
      socket.on('data', take);
    },
    close: () => socket.end(),
  };
}
