/** A value as a person reads it, from the SQL literal that the server sends. */
export interface ReadableValue {
  readonly kind: 'nothing' | 'text' | 'number' | 'bytes';
  readonly text: string;
}

const bytesShown = 24;

export function readable(literal: string): ReadableValue {
  if (literal === 'NULL') return { kind: 'nothing', text: 'nothing' };
  if (literal.startsWith("'") && literal.endsWith("'") && literal.length > 1)
    return { kind: 'text', text: literal.slice(1, -1).replaceAll("''", "'") };
  const hex = /^x'([0-9a-f]*)'$/i.exec(literal)?.[1];
  if (hex !== undefined) {
    const count = hex.length / 2;
    const shown = hex.slice(0, bytesShown * 2).replaceAll(/(..)(?=.)/g, '$1 ');
    return { kind: 'bytes', text: `${count} bytes: ${shown}${count > bytesShown ? ' ...' : ''}` };
  }
  return { kind: 'number', text: literal };
}
