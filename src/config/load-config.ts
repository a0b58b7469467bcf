import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { SyncError } from '../core/sync-error.js';
import { closestName } from './closest-name.js';
import { refuseOverlaps } from './refuse-overlaps.js';
import type { Config, EmailConfig } from './config.js';
import { readConfigFile, type ConfigFile } from './config-file.js';
import { configJsonSchema, configSchema, type JsonSchema, type ParsedConfig } from './config-schema.js';
import { optionEntries, optionValue, type OptionEntry } from './option-entry.js';
import { valueWords } from './value-words.js';

export const configFileName = 'usync.yaml';

export interface ConfigSources {
  /** The file; null for none. Relative to `folder`. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By flag name with dashes, as in `OptionEntry.flag`: `{ '--listen-port': '7421' }`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin that do not come from the file; the current folder when absent. */
  readonly folder?: string;
  /** The name of the machine: the name of the server where none is set. */
  readonly hostName?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Per option, in the words of the file (`listen.port`), where its value came from. */
  readonly origins: ReadonlyMap<string, ConfigOrigin>;
}

export interface ConfigOrigin {
  readonly kind: 'default' | 'file' | 'environment' | 'flag';
  /** `usync.yaml:3:5`, `USYNC_LISTEN_PORT`, `--listen-port`, or `default`. */
  readonly where: string;
}

/**
 * Flags win over the environment, which wins over the file, which wins over defaults.
 * Throws `USYNC-1100` when the named file is missing, `USYNC-1101` with every mistake at its place otherwise.
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const path = sources.file === null ? null : resolve(sources.folder ?? '.', sources.file);
  const file = path === null ? null : await readConfigFile(path);
  const entries = optionEntries();
  refuseMistypedVariables(entries, sources.env);
  const { values, origins } = layered(entries, file, sources);
  const parsed = configSchema.safeParse(values, { reportInput: true });
  if (!parsed.success) throw mistakes(parsed.error.issues, file, origins);
  const config = completed(parsed.data, { file, origins, sources });
  refuseOverlaps(config.datasets, (keys) => file?.placeOf(keys) ?? 'configuration');
  return { config, origins };
}

/**
 * The same checks for values that were written in code. Relative paths begin at the current folder.
 * Throws `USYNC-1101` with every mistake.
 */
export function configOf(values: unknown): Config {
  const parsed = configSchema.safeParse(values, { reportInput: true });
  if (!parsed.success) throw mistakes(parsed.error.issues, null, new Map());
  const config = completed(parsed.data, {
    file: null,
    origins: new Map(),
    sources: { file: null, env: {}, flags: {} },
  });
  refuseOverlaps(config.datasets, () => 'configuration');
  return config;
}

interface Layers {
  readonly values: Record<string, unknown>;
  readonly origins: Map<string, ConfigOrigin>;
}

function layered(entries: readonly OptionEntry[], file: ConfigFile | null, sources: ConfigSources): Layers {
  const values: Record<string, unknown> = structuredClone(file?.values ?? {});
  const origins = new Map<string, ConfigOrigin>();
  for (const entry of entries) {
    const keys = entry.path.split('.');
    const flag = sources.flags[entry.flag];
    const variable = sources.env[entry.variable];
    if (flag !== undefined) origins.set(entry.path, { kind: 'flag', where: entry.flag });
    else if (variable !== undefined) origins.set(entry.path, { kind: 'environment', where: entry.variable });
    else if (file?.has(keys)) origins.set(entry.path, { kind: 'file', where: file.placeOf(keys) });
    else origins.set(entry.path, { kind: 'default', where: 'default' });
    const text = flag ?? variable;
    if (text !== undefined) setIn(values, keys, optionValue(entry, text));
  }
  const datasets: ConfigOrigin = file?.has(['datasets'])
    ? { kind: 'file', where: file.placeOf(['datasets']) }
    : { kind: 'default', where: 'default' };
  return { values, origins: origins.set('datasets', datasets) };
}

function setIn(values: Record<string, unknown>, keys: readonly string[], value: unknown): void {
  const [key, ...rest] = keys;
  if (key === undefined) return;
  if (rest.length === 0) {
    values[key] = value;
    return;
  }
  const inner = values[key];
  const next = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  values[key] = next;
  setIn(next, rest, value);
}

/** Names near to a known one are mistakes; other `USYNC_` variables may belong to someone else. */
function refuseMistypedVariables(entries: readonly OptionEntry[], env: ConfigSources['env']): void {
  const known = [...entries.map((entry) => entry.variable), 'USYNC_CONFIG'];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('USYNC_') || known.includes(name)) continue;
    const meant = closestName(
      name.slice(6),
      known.map((variable) => variable.slice(6)),
    );
    if (meant !== null)
      throw new SyncError('USYNC-1101', `Environment variable ${name} is not known. Did you mean USYNC_${meant}?`);
  }
}

function mistakes(
  issues: readonly z.core.$ZodIssue[],
  file: ConfigFile | null,
  origins: ReadonlyMap<string, ConfigOrigin>,
): SyncError {
  const lines = issues.flatMap((issue) => linesOf(issue, file, origins));
  const shown = [...new Set(lines)];
  return new SyncError('USYNC-1101', shown.join('\n'), { facts: { mistakes: shown.length } });
}

function linesOf(
  issue: z.core.$ZodIssue,
  file: ConfigFile | null,
  origins: ReadonlyMap<string, ConfigOrigin>,
): string[] {
  const place = (keys: readonly PropertyKey[]): string => {
    const origin = origins.get(keys.join('.'));
    if (origin?.kind === 'flag' || origin?.kind === 'environment') return origin.where;
    return file === null ? 'configuration' : file.placeOf(keys);
  };
  const name = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schemaAt(configJsonSchema(), issue.path)?.properties ?? {});
    return issue.keys.map((key) => {
      const meant = closestName(key, known);
      const hint = meant === null ? `known are: ${known.join(', ')}` : `did you mean "${meant}"?`;
      return `${place([...issue.path, key])}: unknown key "${key}"${name === '' ? '' : ` in ${name}`}; ${hint}`;
    });
  }
  const isOverlaid = ['flag', 'environment'].includes(origins.get(name)?.kind ?? '');
  const isMissing = issue.code === 'invalid_type' && !isOverlaid && file !== null && !file.has([...issue.path]);
  const text = isMissing ? `"${String(issue.path.at(-1))}" is missing` : `${name}: ${valueWords(issue)}`;
  return [`${place(issue.path)}: ${text}`];
}

function schemaAt(schema: JsonSchema | undefined, path: readonly PropertyKey[]): JsonSchema | undefined {
  const [key, ...rest] = path;
  if (key === undefined || schema === undefined) return schema;
  const inner =
    typeof key === 'number'
      ? schema.items
      : (schema.properties?.[String(key)] ??
        (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined));
  return schemaAt(inner, rest);
}

interface Completion {
  readonly file: ConfigFile | null;
  readonly origins: ReadonlyMap<string, ConfigOrigin>;
  readonly sources: ConfigSources;
}

function completed(parsed: ParsedConfig, { file, origins, sources }: Completion): Config {
  const fileFolder = file === null ? (sources.folder ?? '.') : dirname(file.path);
  const origin = origins.get('dataFolder')?.kind;
  const dataBase = origin === 'flag' || origin === 'environment' ? (sources.folder ?? '.') : fileFolder;
  return {
    ...parsed,
    name: parsed.name ?? nameOfHost(sources.hostName ?? hostname()),
    dataFolder: resolve(dataBase, parsed.dataFolder),
    http: {
      ...parsed.http,
      ...(parsed.http.certificate !== undefined && { certificate: resolve(fileFolder, parsed.http.certificate) }),
      ...(parsed.http.key !== undefined && { key: resolve(fileFolder, parsed.http.key) }),
    },
    alerts: {
      ...parsed.alerts,
      ...(parsed.alerts.email && { email: withFiles(parsed.alerts.email, fileFolder) }),
    },
    datasets: parsed.datasets.map((dataset) => ({
      ...dataset,
      ...(dataset.sqlite !== undefined && { sqlite: resolve(fileFolder, dataset.sqlite) }),
      ...(dataset.folder !== undefined && { folder: resolve(fileFolder, dataset.folder) }),
    })),
  };
}

const withFiles = (email: EmailConfig, folder: string): EmailConfig => ({
  ...email,
  ...(email.passwordFile !== undefined && { passwordFile: resolve(folder, email.passwordFile) }),
});

const nameOfHost = (hostName: string): string =>
  hostName
    .split('.')[0]
    ?.replaceAll(/[^\p{L}\p{N}_-]/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 63) || 'server';
