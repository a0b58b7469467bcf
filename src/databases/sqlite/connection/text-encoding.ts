/** How a database file stores text. UTF-8 unless somebody chose otherwise when the file was made. */
export type TextEncodingName = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

/** The bytes that `CAST(? AS TEXT)` reads as this text. */
export function textBytes(text: string, encoding: TextEncodingName): Uint8Array {
  const bytes = Buffer.from(text, encoding === 'UTF-8' ? 'utf8' : 'utf16le');
  return encoding === 'UTF-16be' ? bytes.swap16() : bytes;
}

/** Bytes that are not UTF-8 can only be kept where text is stored as UTF-8. */
export const isRawTextPossible = (encoding: TextEncodingName): boolean => encoding === 'UTF-8';
