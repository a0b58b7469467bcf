import { computed, signal } from '@preact/signals';

/** Where the page is: the path and the questions after it, as they stand in the address bar. */
export interface Route {
  readonly path: string;
  /** The parts of the path below the page's own, decoded: `/sync/servers/pit-3` is `['servers', 'pit-3']`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** Every address of the page begins so; the addresses of the older system do too. */
const root = '/sync/';

/** Addresses of the older system whose names are others here. */
const olderNames: Readonly<Record<string, readonly string[]>> = {
  logs: ['activity', 'events'],
  config: ['settings'],
};

const address = signal(currentAddress());
export const route = computed<Route>(() => {
  const url = new URL(address.value, location.origin);
  const [, ...named] = url.pathname.split('/').filter((part) => part !== '');
  const [first = '', ...rest] = named.map(decoded);
  const parts = olderNames[first] === undefined ? [first, ...rest] : [...olderNames[first], ...rest];
  return { path: url.pathname, parts: first === '' ? [] : parts, query: url.searchParams };
});

let isMoved = false;

/** Whether one came from another screen, and not by loading the page. */
export const hasMoved = (): boolean => isMoved;

export interface GoOptions {
  /** Takes the place of the present entry in the browser's history. */
  readonly replace?: boolean;
}

export function go(to: string, { replace = false }: GoOptions = {}): void {
  if (to === address.value) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const isOtherScreen = new URL(to, location.origin).pathname !== new URL(address.value, location.origin).pathname;
  if (isOtherScreen) isMoved = true;
  address.value = to;
  if (isOtherScreen) window.scrollTo(0, 0);
}

/** Changes one question in the address, so that a filtered list can be sent to somebody else. */
export function ask(name: string, value: string): void {
  const { path, query } = route.value;
  const next = new URLSearchParams(query);
  if (value === '') next.delete(name);
  else next.set(name, value);
  const text = next.toString();
  go(text === '' ? path : `${path}?${text}`, { replace: true });
}

/** The address of a screen or of one thing on it; names may hold any character. */
export function pathTo(parts: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const path = root + parts.map(encodeURIComponent).join('/');
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Follows the browser's back and forward and every ordinary link within the page. */
export function followLinks(): void {
  window.addEventListener('popstate', () => {
    isMoved = true;
    address.value = currentAddress();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return;
    if (!link.pathname.startsWith(root) || link.hash !== '') return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

function currentAddress(): string {
  return location.pathname + location.search;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
