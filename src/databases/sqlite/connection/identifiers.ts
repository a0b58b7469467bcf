/** An SQL identifier, whatever it holds: quotes, spaces, keywords, nothing at all. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const quoteNames = (names: readonly string[]): string => names.map(quoteName).join(', ');

/** SQLite compares names of tables and columns without regard to ASCII case, and to ASCII case only. */
export const foldName = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

const ownPrefix = '_usync_';

/** Names that belong to Universal Sync; an application's table of such a name is refused. */
export const isOwnName = (name: string): boolean => foldName(name).startsWith(ownPrefix);

/** SQL of an integer as a column of TEXT holds it: inside `IN (SELECT ...)` SQLite does not compare 5 with '5'. */
export const valueAs = (affinity: string | undefined, sql: string): string =>
  affinity === 'TEXT' ? `CAST(${sql} AS TEXT)` : sql;
