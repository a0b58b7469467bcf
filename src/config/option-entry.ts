import { configJsonSchema, type JsonSchema } from './config-schema.js';

/** One option that fits an environment variable or a flag; lists of objects are set in the file only. */
export interface OptionEntry {
  /** As in the file: `listen.port`. */
  readonly path: string;
  readonly variable: string;
  readonly flag: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'list';
  readonly choices: readonly string[];
  readonly fallback: unknown;
  readonly help: string;
}

/** Every option in the order of the file. */
export function optionEntries(): readonly OptionEntry[] {
  return entriesOf(configJsonSchema(), []);
}

function entriesOf(schema: JsonSchema, path: readonly string[]): OptionEntry[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const here = [...path, key];
    if (property.type === 'object') return property.properties ? entriesOf(property, here) : [];
    if (property.type === 'array' && property.items?.type !== 'string') return [];
    const words = here.flatMap((name) => name.split(/(?=[A-Z])/)).map((word) => word.toLowerCase());
    return [
      {
        path: here.join('.'),
        variable: `USYNC_${words.join('_').toUpperCase()}`,
        flag: `--${words.join('-')}`,
        kind: kindByType[property.type ?? 'string'] ?? 'text',
        choices: property.enum ?? [],
        fallback: property.default,
        help: property.description ?? '',
      } satisfies OptionEntry,
    ];
  });
}

const kindByType: Readonly<Record<string, OptionEntry['kind']>> = {
  string: 'text',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  array: 'list',
};

/** Text from an environment variable or a flag as the value it stands for; what does not fit stays text and is refused by the schema. */
export function optionValue(entry: OptionEntry, text: string): unknown {
  switch (entry.kind) {
    case 'text':
      return text;
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
  }
}
