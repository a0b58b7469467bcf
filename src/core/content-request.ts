import type { EntryVersion } from './entry.js';

/** A piece of what a version of an entry consists of, asked of a peer: of its content, or of the list of its chunks. */
export interface ContentRequest {
  readonly version: EntryVersion;
  readonly part: 'content' | 'list';
  readonly offset: number;
  readonly length: number;
}

/** What one question may ask for in all. Small, so that pings are not stuck behind an answer. */
export const contentBytesMax = 128 * 1024;
export const contentItemsMax = 256;

/** Where the contents come from that this server lacks. */
export interface ContentPeers {
  /**
   * The pieces in the order of the requests; null where no connected server has it. Who asks bounds the requests by
   * `contentBytesMax` and `contentItemsMax`, and how many are open. Rejects when nobody can be asked.
   */
  fetch(requests: readonly ContentRequest[]): Promise<readonly (Uint8Array | null)[]>;
  /** True only when every other server that carries the dataset is connected and has said that it has no such piece. */
  isNowhere(request: ContentRequest): Promise<boolean>;
}
