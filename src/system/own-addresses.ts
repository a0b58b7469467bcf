import { networkInterfaces } from 'node:os';

/**
 * `host:port` under which other servers may reach a listener on this machine: what it listens on, or, where that is
 * every address, those of all interfaces. Loopback only where nothing else is listened on.
 */
export function ownAddresses(host: string, port: number): readonly string[] {
  const isEvery = host === '0.0.0.0' || host === '::' || host === '';
  if (!isEvery) return [addressText(host, port)];
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(
      ({ internal, family, address }) => !internal && (family === 'IPv4' || host !== '0.0.0.0') && isRoutable(address),
    )
    .map(({ address }) => addressText(address, port));
  return outside.length > 0 ? [...new Set(outside)].slice(0, addressesMax) : [addressText('127.0.0.1', port)];
}

const addressesMax = 16;

/** Link-local addresses mean nothing without the name of an interface. */
const isRoutable = (address: string): boolean => !/^fe80:/i.test(address) && !address.startsWith('169.254.');

const addressText = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Null when the text is no `host:port`. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}
