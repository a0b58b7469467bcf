import { SyncError } from '../../core/sync-error.js';
import type { FolderCalls } from '../../databases/folder-calls.js';

const pieceBytes = 1024 * 1024;

/** The bytes of one file, piece by piece. They are somebody's content: never shown as a page of this server. */
export async function fileResponse(folder: FolderCalls, path: string): Promise<Response> {
  const first = await folder.content({ path, offset: 0, bytesMax: pieceBytes });
  let offset = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = offset === 0 ? first : await folder.content({ path, offset, bytesMax: pieceBytes });
      if (piece.mark !== first.mark)
        throw new SyncError('USYNC-1002', `"${path}" was changed while it was read.`, {
          nextStep: 'Read it again.',
        });
      offset += piece.bytes.length;
      if (piece.bytes.length > 0) controller.enqueue(piece.bytes);
      if (piece.bytes.length === 0 || offset >= first.size) controller.close();
    },
  });
  const name = path.slice(path.lastIndexOf('/') + 1);
  return new Response(body, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(first.size),
      // Only the encoded form: a name may hold anything.
      'content-disposition': `attachment; filename*=UTF-8''${encodeRfc5987(name)}`,
      'content-security-policy': "default-src 'none'; sandbox",
      'last-modified': new Date(first.modifiedMs).toUTCString(),
    },
  });
}

const encodeRfc5987 = (text: string): string =>
  encodeURIComponent(Buffer.from(text).toString()).replaceAll(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
