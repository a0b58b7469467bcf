import { readFile } from 'node:fs/promises';
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from 'yaml';
import { errorMessageOf, SyncError } from '../core/sync-error.js';

/** A configuration file that was read as YAML, with the places of its keys. */
export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** `file:line:column` of a key, or of the nearest thing around it that exists. */
  placeOf(keys: readonly PropertyKey[]): string;
  has(keys: readonly PropertyKey[]): boolean;
}

/** Throws `USYNC-1100` when the file is missing and `USYNC-1101` with line and column when it is not YAML. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  return parseConfigFile(path, await textOf(path));
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new SyncError(
      isMissing ? 'USYNC-1100' : 'USYNC-1101',
      isMissing ? `There is no configuration file ${path}.` : `${path} cannot be read: ${errorMessageOf(error)}.`,
      { facts: { path }, cause: error },
    );
  }
}

function parseConfigFile(path: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const [failure] = document.errors;
  if (failure) throw new SyncError('USYNC-1101', `${place(failure.pos[0])}: ${failure.message}.`, { facts: { path } });
  const values: unknown = document.toJS() ?? {};
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new SyncError('USYNC-1101', `${place(0)}: the file must hold keys with values.`, { facts: { path } });
  return {
    path,
    values: values as Record<string, unknown>,
    placeOf: (keys) => place(offsetOf(document, keys)),
    has: (keys) => document.hasIn(keys),
  };
}

function offsetOf(document: Document.Parsed, keys: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const key of keys) {
    const { at, value } = step(node, key, document);
    if (at === null) break;
    offset = at;
    node = value;
  }
  return offset;
}

function step(node: unknown, key: PropertyKey, document: Document.Parsed): { at: number | null; value: unknown } {
  const found = isAlias(node) ? node.resolve(document) : node;
  if (isMap(found)) {
    const pair = found.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
    );
    return pair ? { at: startOf(pair.key), value: pair.value } : { at: null, value: null };
  }
  if (isSeq(found)) {
    const item = found.items[Number(key)];
    return { at: startOf(item), value: item };
  }
  return { at: null, value: null };
}

const startOf = (node: unknown): number | null => (isNode(node) ? ((node as Node).range?.[0] ?? null) : null);
