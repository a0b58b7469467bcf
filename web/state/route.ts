import { computed, signal } from '@preact/signals';

/** Where the page is: the path and the questions after it, as they stand in the address bar. */
export interface Route {
  readonly path: string;
  /** The parts of the path, decoded: `/servers/pit-3` is `['servers', 'pit-3']`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const address = signal(currentAddress());
export const route = computed<Route>(() => {
  const url = new URL(address.value, location.origin);
  const parts = url.pathname.split('/').filter((part) => part !== '');
  return { path: url.pathname, parts: parts.map(decoded), query: url.searchParams };
});

export interface GoOptions {
  /** Takes the place of the present entry in the browser's history. */
  readonly replace?: boolean;
}

export function go(to: string, { replace = false }: GoOptions = {}): void {
  if (to === address.value) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const isOtherScreen = new URL(to, location.origin).pathname !== new URL(address.value, location.origin).pathname;
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

/** The path of one thing below a screen; names may hold any character. */
export const pathTo = (...parts: readonly string[]): string => `/${parts.map(encodeURIComponent).join('/')}`;

/** Follows the browser's back and forward and every ordinary link within the page. */
export function followLinks(): void {
  window.addEventListener('popstate', () => (address.value = currentAddress()));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return;
    if (link.pathname.startsWith('/api/') || link.hash !== '') return;
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
