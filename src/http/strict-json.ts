import { SyncError } from '../core/sync-error.js';
import { jsonDepthMax } from './http-limits.js';

/**
 * JSON of a stranger. Besides what `JSON.parse` refuses: the same name twice in one object (two readers may take another
 * one each), `__proto__`, and nesting deeper than any input needs. Throws USYNC-1907.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('it is not JSON');
  }
  walk(text);
  return value;
}

const refused = (why: string): SyncError => new SyncError('USYNC-1907', `The body cannot be used: ${why}.`);

/** The text is JSON by now, so the braces fit and a string before a colon is a name. */
function walk(text: string): void {
  const namesByDepth: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') {
      namesByDepth.push(character === '{' ? new Set() : null);
      if (namesByDepth.length > jsonDepthMax) throw refused(`it is nested deeper than ${jsonDepthMax}`);
    } else if (character === '}' || character === ']') namesByDepth.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      if (isName(text, end)) takeName(namesByDepth.at(-1) ?? null, JSON.parse(text.slice(at, end)) as string);
      at = end - 1;
    }
  }
}

function takeName(names: Set<string> | null, name: string): void {
  if (name === '__proto__') throw refused('it names "__proto__"');
  if (names?.has(name)) throw refused(`it names "${name.slice(0, 100)}" twice`);
  names?.add(name);
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (/\s/.test(text[at] ?? '')) at += 1;
  return text[at] === ':';
}
