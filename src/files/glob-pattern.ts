/**
 * One pattern in the syntax of gitignore, as a test of paths. Patterns may come from other servers, so matching takes
 * time in proportion to pattern times path, never more: the last star is the only one that is ever tried again.
 */
export interface GlobPattern {
  readonly isNegated: boolean;
  readonly isForFolders: boolean;
  /** Whether the names of a path from the root fit. */
  matches(names: readonly string[]): boolean;
}

/** Null for an empty line or a comment. */
export function parseGlobPattern(line: string): GlobPattern | null {
  let text = withoutTrailingSpaces(line.endsWith('\r') ? line.slice(0, -1) : line);
  if (text === '' || text.startsWith('#')) return null;
  const isNegated = text.startsWith('!');
  if (isNegated) text = text.slice(1);
  const isForFolders = text.endsWith('/');
  if (isForFolders) text = text.slice(0, -1);
  if (text === '') return null;
  const isAnchored = text.includes('/');
  const parts = (text.startsWith('/') ? text.slice(1) : text).split('/');
  const tokens: PathToken[] = parts.map((part) => (part === '**' ? anyFolders : parseName(part)));
  // "a/**" is everything inside a, not a itself.
  if (isAnchored && tokens.at(-1) === anyFolders) tokens.splice(-1, 0, [{ kind: 'star' }]);
  const [only = null] = tokens;
  if (!isAnchored && only !== anyFolders) {
    const fits = nameTest(only);
    return { isNegated, isForFolders, matches: (names) => fits(names.at(-1) ?? '') };
  }
  const pattern: readonly PathToken[] = isAnchored ? tokens : [anyFolders, ...tokens];
  return { isNegated, isForFolders, matches: (names) => matchesPath(pattern, names) };
}

/** Most patterns are a name, or its beginning or end: every path is held against all of them, so these are compared whole. */
function nameTest(tokens: readonly NameToken[] | null): (name: string) => boolean {
  if (tokens === null) return () => false;
  const star = tokens.findIndex(({ kind }) => kind === 'star');
  const start = textOf(star < 0 ? tokens : tokens.slice(0, star));
  const end = textOf(star < 0 ? [] : tokens.slice(star + 1));
  if (start === null || end === null) return (name) => matchesName(tokens, name);
  if (star < 0) return (name) => name === start;
  return (name) => name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
}

/** Null when they are not all plain characters. */
function textOf(tokens: readonly NameToken[]): string | null {
  let text = '';
  for (const token of tokens) {
    if (token.kind !== 'character') return null;
    text += token.character;
  }
  return text;
}

/** Spaces at the end do not count, unless a backslash stands before the last one that remains. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ' ' && !isEscaped(line, end - 1)) end--;
  return line.slice(0, end);
}

function isEscaped(line: string, at: number): boolean {
  let slashes = 0;
  while (line[at - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}

const anyFolders = '**';
type PathToken = typeof anyFolders | readonly NameToken[] | null;

type NameToken =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'class'; readonly isNegated: boolean; readonly ranges: readonly CharacterRange[] };

interface CharacterRange {
  readonly from: string;
  readonly to: string;
}

/** Null for a name that can match nothing: a class without its end. */
function parseName(text: string): readonly NameToken[] | null {
  const tokens: NameToken[] = [];
  const characters = Array.from(text);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (character === '?') tokens.push({ kind: 'any' });
    else if (character === '[') {
      const found = parseClass(characters, at);
      if (found === null) return null;
      tokens.push(found.token);
      at = found.end;
    } else if (character === '\\') {
      const next = characters[++at];
      if (next === undefined) return null;
      tokens.push({ kind: 'character', character: next });
    } else tokens.push({ kind: 'character', character });
  }
  return tokens;
}

function parseClass(characters: readonly string[], start: number): { token: NameToken; end: number } | null {
  let at = start + 1;
  const isNegated = characters[at] === '!' || characters[at] === '^';
  if (isNegated) at++;
  const ranges: CharacterRange[] = [];
  for (let isFirst = true; ; isFirst = false) {
    let from = characters[at];
    if (from === undefined) return null;
    if (from === ']' && !isFirst) return { token: { kind: 'class', isNegated, ranges }, end: at };
    if (from === '[' && characters[at + 1] === ':') {
      const named = namedClass(characters, at);
      if (named === null) return null;
      ranges.push(...named.ranges);
      at = named.end;
      continue;
    }
    if (from === '\\') from = characters[++at];
    if (from === undefined) return null;
    at++;
    let to = from;
    if (characters[at] === '-' && characters[at + 1] !== ']' && characters[at + 1] !== undefined) {
      at++;
      to = characters[at] ?? from;
      if (to === '\\') to = characters[++at] ?? from;
      at++;
    }
    ranges.push({ from, to });
  }
}

const namedRanges: Readonly<Record<string, string>> = {
  alpha: 'azAZ',
  digit: '09',
  alnum: 'azAZ09',
  upper: 'AZ',
  lower: 'az',
  xdigit: '09afAF',
  space: '\t\r  ',
  blank: '  \t\t',
  punct: '!/:@[`{~',
};

function namedClass(characters: readonly string[], start: number): { ranges: CharacterRange[]; end: number } | null {
  const close = characters.indexOf(']', start);
  if (close < 0 || characters[close - 1] !== ':') return null;
  const borders = Array.from(namedRanges[characters.slice(start + 2, close - 1).join('')] ?? '');
  if (borders.length === 0) return null;
  const ranges: CharacterRange[] = [];
  for (let at = 0; at < borders.length; at += 2) ranges.push({ from: borders[at] ?? '', to: borders[at + 1] ?? '' });
  return { ranges, end: close + 1 };
}

function matchesPath(pattern: readonly PathToken[], names: readonly string[]): boolean {
  return matchesWith(pattern, names, {
    isStar: (token) => token === anyFolders,
    fits: (token, name) => token !== null && token !== anyFolders && matchesName(token, name),
  });
}

const matchesName = (tokens: readonly NameToken[], name: string): boolean =>
  matchesWith(tokens, Array.from(name), { isStar: ({ kind }) => kind === 'star', fits: fitsCharacter });

function fitsCharacter(token: NameToken, character: string): boolean {
  if (token.kind === 'any') return true;
  if (token.kind === 'character') return token.character === character;
  if (token.kind === 'star') return false;
  return token.ranges.some(({ from, to }) => from <= character && character <= to) !== token.isNegated;
}

interface Matching<Token> {
  readonly isStar: (token: Token) => boolean;
  readonly fits: (token: Token, item: string) => boolean;
}

/** Stars stand for any number of items. Where a try fails, the last star takes one item more. */
function matchesWith<Token>(tokens: readonly Token[], items: readonly string[], how: Matching<Token>): boolean {
  let token = 0;
  let item = 0;
  let lastStar = -1;
  let starItem = 0;
  while (item < items.length) {
    const current = tokens[token];
    if (current !== undefined && how.isStar(current)) {
      lastStar = token++;
      starItem = item;
    } else if (current !== undefined && how.fits(current, items[item] ?? '')) {
      token++;
      item++;
    } else if (lastStar >= 0) {
      token = lastStar + 1;
      item = ++starItem;
    } else return false;
  }
  while (token < tokens.length && isStarAt(tokens, token, how)) token++;
  return token === tokens.length;
}

function isStarAt<Token>(tokens: readonly Token[], at: number, how: Matching<Token>): boolean {
  const token = tokens[at];
  return token !== undefined && how.isStar(token);
}
