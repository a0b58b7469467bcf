import { chmod, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Config } from '../config/config.js';
import { configSchema } from '../config/config-schema.js';
import type { LoadedConfig } from '../config/load-config.js';
import { optionEntries } from '../config/option-entry.js';
import { valueWords } from '../config/value-words.js';
import { errorMessageOf, SyncError } from '../core/sync-error.js';
import type { RouteOutput } from './contract/route-table.js';

/** The settings of this server: what holds, where it comes from, and the file, which is changed with its comments kept. */
export interface SettingsFile {
  read(): RouteOutput<'getSettings'>;
  /** By path as in the file; null takes a setting out. Throws USYNC-1907 with the reason; nothing is written then. */
  change(changes: Readonly<Record<string, unknown>>): Promise<readonly string[]>;
}

export interface SettingsOptions extends LoadedConfig {
  /** Null where the server was started without one. */
  readonly file: string | null;
}

export function createSettingsFile({ file, config, origins }: SettingsOptions): SettingsFile {
  let isChanged = false;
  const isEditable = (path: string): boolean => {
    const kind = origins.get(path)?.kind ?? 'default';
    return file !== null && (kind === 'default' || kind === 'file') && !fixedPaths.has(path);
  };
  return {
    read: () => ({
      file,
      settings: optionEntries().map(({ path, kind, choices, help }) => ({
        path,
        value: shownValue(path, valueAt(config, path)),
        origin: origins.get(path)?.kind ?? 'default',
        where: origins.get(path)?.where ?? 'default',
        kind,
        choices: [...choices],
        help,
        is_editable: isEditable(path),
      })),
      rules: rulesOf(config),
      restart_needed: isChanged,
    }),
    async change(changes) {
      const known = new Set(optionEntries().map(({ path }) => path));
      for (const path of Object.keys(changes)) {
        if (!known.has(path)) throw refused(path, 'there is no such setting');
        if (fixedPaths.has(path)) throw refused(path, 'it is set in the file alone');
        if (!isEditable(path)) throw refused(path, `it is set by ${origins.get(path)?.where ?? 'the start'}`);
      }
      if (file === null) throw refused('', 'this server was started without a file');
      await rewrite(file, changes);
      isChanged = true;
      return Object.keys(changes);
    },
  };
}

/**
 * Who administers the page is not always who owns the machine: what names a file whose content goes elsewhere, or where a
 * secret is sent, is set in the file alone. Moving the state of a server is more than a setting.
 */
const fixedPaths: ReadonlySet<string> = new Set([
  'dataFolder',
  'http.certificate',
  'http.key',
  'alerts.email.server',
  'alerts.email.passwordFile',
]);

const refused = (path: string, why: string): SyncError =>
  new SyncError('USYNC-1907', `Setting ${path} cannot be changed here: ${why}.`, { facts: { field: path } });

/** Addresses of webhooks hold their secrets. */
const shownValue = (path: string, value: unknown): unknown =>
  path === 'alerts.webhooks' && Array.isArray(value)
    ? value.map((url) => new URL(String(url)).origin)
    : (value ?? null);

function valueAt(config: Config, path: string): unknown {
  let value: unknown = config;
  for (const name of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return value;
}

const rulesOf = ({ datasets }: Config): RouteOutput<'getSettings'>['rules'] =>
  datasets.flatMap(({ name, tables }) =>
    Object.entries(tables).map(([table, { exclude = false, unique = null, columns = {} }]) => ({
      ...{ dataset: name, table, exclude, unique },
      columns: { ...columns },
    })),
  );

async function rewrite(file: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'));
  for (const [path, value] of Object.entries(changes)) {
    if (value === null) document.deleteIn(path.split('.'));
    else document.setIn(path.split('.'), value);
  }
  const parsed = configSchema.safeParse(document.toJS() ?? {}, { reportInput: true });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(issue?.path.join('.') ?? '', `its value ${issue ? valueWords(issue) : 'does not fit'}`);
  }
  await replaceFile(file, document.toString());
}

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.usync-new`;
  try {
    const { mode } = await stat(file);
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(temporary, mode & 0o777);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new SyncError('USYNC-1907', `${file} cannot be written: ${errorMessageOf(error)}.`, { cause: error });
  }
}
