/**
 * Text that somebody else wrote, safe to stand beside other words: characters that turn the direction of writing or
 * show nothing stand as their code, so that a name cannot look like another one.
 */
export const visible = (text: string): string =>
  text.replaceAll(
    hidden,
    (character) => `\u27e8U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0') ?? ''}\u27e9`,
  );

/** Controls but tab and line ends, marks of direction, zero-width characters. */
const hidden = /[^\P{Cc}\t\n\r]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
