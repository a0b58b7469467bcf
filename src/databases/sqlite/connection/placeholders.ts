/**
 * `sql` with the parameters at `positions` (from 0) read as text: their bytes are bound as a blob. The unary plus takes
 * the affinity of the cast away, so that comparisons are those of a plain parameter. Understands `?` and `?NNN`.
 */
export function withTextCasts(sql: string, positions: ReadonlySet<number>): string {
  let highest = 0;
  return sql.replaceAll(tokens, (token: string, number: string | undefined) => {
    if (number === undefined) return token;
    const index = number === '' ? highest + 1 : Number(number);
    highest = Math.max(highest, index);
    return positions.has(index - 1) ? `+CAST(?${index} AS TEXT)` : `?${index}`;
  });
}

// Quoted text and names, and comments, are passed over whole; only a parameter has the group.
const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|\?(\d*)/g;
