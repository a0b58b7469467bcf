import type { HttpConfig } from '../config/config.js';
import { defaultHttpPort } from './listen.js';

/** Where the configuration names no port, the page takes a free one when the usual one is taken; null when it was not. */
export function portNote({ port }: HttpConfig, url: string): string | null {
  const taken = new URL(url).port;
  if (port !== undefined || taken === String(defaultHttpPort)) return null;
  return `Another program had port ${defaultHttpPort}, so the page took port ${taken}, and may take another one at the next start. "http.port" in the configuration sets one for good.`;
}
