/** What a CREATE INDEX compares, as SQL. */
export interface IndexParts {
  /** Columns or expressions, with a COLLATE where there is one. */
  readonly parts: readonly string[];
  readonly condition: string | null;
}

/** Quoted text and names, comments, brackets and commas, words, and whatever else. */
const tokens =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[(),]|[\w$\u0080-\uffff]+|\s+|./gu;

/** Reads the text that SQLite keeps of an index; no pragma tells its expressions and its condition. */
export function indexParts(sql: string): IndexParts | null {
  const parts: string[][] = [];
  const condition: string[] = [];
  let depth = 0;
  let state: 'before' | 'parts' | 'after' | 'condition' = 'before';
  for (const [token] of sql.matchAll(tokens)) {
    const text = isComment(token) ? ' ' : token;
    if (state === 'before') {
      if (text === '(') [state, depth] = ['parts', 1];
      if (text === '(') parts.push([]);
    } else if (state === 'parts') {
      if (text === '(') depth++;
      if (text === ')') depth--;
      if (depth === 0) state = 'after';
      else if (depth === 1 && text === ',') parts.push([]);
      else parts.at(-1)?.push(text);
    } else if (state === 'after') {
      if (/^where$/i.test(text)) state = 'condition';
    } else condition.push(text);
  }
  if (depth !== 0 || parts.length === 0) return null;
  return { parts: parts.map(withoutOrder), condition: condition.length > 0 ? condition.join('').trim() : null };
}

const isComment = (token: string): boolean => token.startsWith('--') || token.startsWith('/*');

/** ASC and DESC say nothing of what is compared. A column of such a name would be quoted. */
const withoutOrder = (part: readonly string[]): string => {
  const words = part.join('').trim();
  const last = part.findLast((token) => token.trim() !== '') ?? '';
  return /^(?:asc|desc)$/i.test(last) ? words.slice(0, -last.length).trim() : words;
};
