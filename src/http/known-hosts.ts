import { networkInterfaces } from 'node:os';

/** Whether a request may name this host: without that, a foreign name that leads here could act as this page (rebinding). */
export function isKnownHost(header: string | undefined, { hosts, isLoopback }: HostRules): boolean {
  const name = hostName(header ?? '');
  if (name === null) return false;
  if (loopbackNames.has(name) || name.startsWith('127.')) return !name.startsWith('127.') || isAddress(name);
  if (hosts.some((host) => host.toLowerCase() === name)) return true;
  return !isLoopback && ownAddresses().has(name);
}

export interface HostRules {
  /** Of the configuration. */
  readonly hosts: readonly string[];
  /** Whether the page listens on loopback alone. */
  readonly isLoopback: boolean;
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

export const isLoopbackHost = (host: string): boolean =>
  loopbackNames.has(host.toLowerCase()) || (host.startsWith('127.') && isAddress(host));

const isAddress = (text: string): boolean => /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text);

/** Without port and brackets; null for what is no host. */
function hostName(header: string): string | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/.exec(header);
  const name = match?.[1] ?? match?.[2];
  return name === undefined ? null : name.toLowerCase();
}

const ownAddresses = (): ReadonlySet<string> =>
  new Set(
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({ address }) => address.toLowerCase()),
  );
