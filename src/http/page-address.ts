import { errorMessageOf } from '../core/sync-error.js';
import type { HttpConfig } from '../config/config.js';
import { isLoopbackHost } from './known-hosts.js';
import { listenAt, type Listening, type ListenOptions, type Tls } from './listen.js';

/** Where the page is served: on loopback alone until a user and a certificate are there, then as the configuration says. */
export interface PageAddress {
  /** `http://127.0.0.1:7421`. */
  readonly url: string;
  readonly host: string;
  /** Why it is on loopback although the configuration names another address; null when it does as it was told. */
  readonly restriction: string | null;
  /** Goes where it may by now, with the same port; true when that is elsewhere than before. Stays where it is when it cannot. */
  widen(): Promise<boolean>;
  close(): Promise<void>;
}

export interface PageAddressOptions {
  readonly http: HttpConfig;
  readonly tls: Tls | null;
  readonly fetch: ListenOptions['fetch'];
  readonly hasUsers: () => boolean;
}

const loopback = '127.0.0.1';

/** Throws USYNC-1910. */
export async function openPageAddress({ http, tls, fetch, hasUsers }: PageAddressOptions): Promise<PageAddress> {
  const allowedHost = (): string => (isLoopbackHost(http.host) || (tls !== null && hasUsers()) ? http.host : loopback);
  const listen = (host: string, port: number | undefined): Promise<Listening> => listenAt({ fetch, tls, host, port });
  let listening = await listen(allowedHost(), http.port);
  let failure: string | null = null;
  let isClosed = false;
  return {
    get url() {
      return listening.url;
    },
    get host() {
      return listening.host;
    },
    get restriction() {
      return listening.host === http.host ? null : restrictionText(http.host, { tls, failure });
    },
    async widen() {
      const [host, { port }] = [allowedHost(), listening];
      if (isClosed || host === listening.host) return false;
      await listening.close();
      try {
        listening = await listen(host, port);
        failure = null;
      } catch (error) {
        // Who is set up on this machine must not be left without a page.
        failure = errorMessageOf(error);
        listening = await listen(loopback, port);
      }
      if (isClosed) await listening.close();
      return true;
    },
    async close() {
      isClosed = true;
      await listening.close();
    },
  };
}

interface Hindrance {
  readonly tls: Tls | null;
  readonly failure: string | null;
}

function restrictionText(host: string, { tls, failure }: Hindrance): string {
  if (tls === null) return `The page is served on ${loopback} alone: ${host} needs "http.certificate" and "http.key".`;
  if (failure !== null) return `The page stays on ${loopback}. ${failure}`;
  return `The page is served on ${loopback} until the first user is set up, then on ${host}.`;
}
