/**
 * The one table of options. From it come the checks of the file, the names of environment variables and flags, the
 * published JSON Schema, the help text and docs/configuration.md; each is held equal by a test.
 */
import { z } from 'zod';
import type { Config } from './config.js';

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,62}$/u;
const addressPattern = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/;

const columnSchema = z
  .enum(['column', 'first-write-wins', 'counter', 'max', 'min', 'left-out'])
  .describe(
    'How concurrent writes of this column merge. column: the later write wins; counter: additions add up; left-out: the column stays on this server.',
  );

const referenceSchema = z
  .strictObject({
    column: z.string().min(1).describe('The column that holds the number.'),
    table: z.string().min(1).describe('The table whose generated numbers it holds.'),
    list: z
      .enum(['json', 'text'])
      .optional()
      .describe('Several numbers in one value. json: an array; text: commas between them.'),
  })
  .describe('When a row gets another number because two servers gave out the same one, this reference follows it.');

const tableSchema = z
  .strictObject({
    exclude: z.boolean().optional().describe('The table stays on this server only.'),
    unique: z
      .enum(['merge', 'hold', 'rename'])
      .optional()
      .describe(
        'Two rows of two servers with one unique value. merge: they become one; hold: the younger waits for a person; rename: the younger gets a suffix.',
      ),
    granularity: z
      .enum(['column', 'row'])
      .optional()
      .describe(
        'Two concurrent writes of one row. column: each column goes by its own later write; row: the later write stands as a whole.',
      ),
    references: z
      .array(referenceSchema)
      .optional()
      .describe('Columns that hold numbers of rows of another table without a foreign key that says so.'),
    columns: z.record(z.string(), columnSchema).optional().describe('Rules of single columns, by name.'),
  })
  .describe('Rules of one table. Tables that are not named here are replicated by the default rules.');

const historySchema = z
  .strictObject({
    daysMax: z.number().min(0).max(36_500).default(30).describe('For how many days.'),
    versionsMax: z.int().min(0).default(20).describe('How many versions of one path.'),
    bytesMax: z.int().min(0).default(10_737_418_240).describe('How many bytes in all.'),
  })
  .describe('For a folder: what is kept of replaced and deleted files.');

const datasetSchema = z
  .strictObject({
    name: z
      .string()
      .regex(namePattern, 'a name has letters, digits, ".", "_" and "-", and begins with a letter or digit')
      .describe('The same name on two servers means the same dataset.'),
    sqlite: z
      .string()
      .min(1)
      .optional()
      .describe("Path of the application's SQLite file. Relative paths begin at the folder of this file."),
    folder: z
      .string()
      .min(1)
      .optional()
      .describe('Path of a folder, in the place of "sqlite". Relative paths begin at the folder of this file.'),
    ignore: z
      .array(z.string())
      .optional()
      .describe('For a folder: what stays on this server, in the syntax of gitignore.'),
    history: historySchema.optional(),
    bytesPerSecondMax: z
      .int()
      .min(10_000)
      .optional()
      .describe('For a folder: how many bytes of files this server fetches a second at most; absent: as many as come.'),
    landing: z
      .enum(['bounded', 'whole'])
      .default('bounded')
      .describe(
        'bounded: a transaction too large for one second of lock becomes visible in parts. whole: never in parts, however long it takes the lock.',
      ),
    polite: z
      .boolean()
      .default(false)
      .describe(
        'For applications that do not wait for locks: shorter work, longer pauses, and what would hold the lock for more than 25 ms becomes visible in parts.',
      ),
    schemaChanges: z
      .enum(['none', 'additive'])
      .optional()
      .describe(
        'none (default): every server migrates by itself, and what does not fit waits until then. additive: a table or column that is new on one server is made on those that lack it.',
      ),
    tables: z.record(z.string(), tableSchema).default({}).describe('Rules of single tables, by name.'),
  })
  .refine(({ sqlite, folder }) => (sqlite === undefined) !== (folder === undefined), {
    message: 'a dataset has either "sqlite" or "folder"',
  })
  .refine(
    ({ folder, ignore, history, bytesPerSecondMax }) =>
      folder !== undefined || (ignore ?? history ?? bytesPerSecondMax) === undefined,
    { message: '"ignore", "history" and "bytesPerSecondMax" are for folders' },
  )
  .describe('One database or folder that is kept identical.');

const listenSchema = z
  .strictObject({
    host: z.string().min(1).default('0.0.0.0').describe('The address to listen on.'),
    port: z.int().min(0).max(65_535).default(7420).describe('The port to listen on; 0 takes a free one.'),
    advertise: z
      .array(z.string().regex(addressPattern, 'an address is host:port'))
      .default([])
      .describe('host:port under which others reach this server; empty: its own addresses with the listening port.'),
  })
  .describe('Where other servers connect to this one.');

const journalSchema = z
  .strictObject({
    daysMax: z
      .number()
      .positive()
      .max(3_650)
      .default(14)
      .describe('For how many days changes are kept for a server that is away; after that it gets a snapshot.'),
    bytesMax: z
      .int()
      .min(1_048_576)
      .default(4_294_967_296)
      .describe('For how many bytes a dataset changes are kept for a server that is away.'),
    historyDays: z
      .number()
      .min(0)
      .max(3_650)
      .default(14)
      .describe('For how many days changes that every server has are kept, to look back and to take back.'),
    historyBytes: z
      .int()
      .min(0)
      .default(268_435_456)
      .describe('Up to how many bytes of journal a dataset such changes are kept.'),
  })
  .describe('How long changes are kept for servers that are away.');

const logSchema = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The least important lines to write.'),
    format: z
      .enum(['auto', 'json', 'text'])
      .default('auto')
      .describe('auto: text on a terminal, else one JSON object a line.'),
  })
  .describe('The log, on standard error.');

const httpSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Serve the page and the API.'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('The address of the page. Others than loopback are used once a user and a certificate are set.'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe('The port of the page; 7421 when absent, or a free one where that is taken.'),
    hosts: z
      .array(z.string().regex(/^[^\s/:@]+$/, 'a host name without a port'))
      .default([])
      .describe('Host names under which the page is reached, beside the own addresses.'),
    certificate: z.string().min(1).optional().describe('PEM file of the certificate of the page.'),
    key: z.string().min(1).optional().describe('PEM file of its key.'),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    message: '"certificate" and "key" go together',
  })
  .describe('The page and its API.');

const emailSchema = z
  .strictObject({
    server: z
      .string()
      .regex(/^smtps?:\/\/[^\s/@]+$/, 'smtp://host:port or smtps://host:port')
      .describe('smtp://host:port or smtps://host:port.'),
    from: z.string().min(3).describe('The sender.'),
    to: z.array(z.string().min(3)).min(1).describe('Who gets it.'),
    user: z.string().optional().describe('For servers that ask for one.'),
    passwordFile: z.string().min(1).optional().describe('File that holds the password, readable by its owner only.'),
  })
  .describe('E-mail through an SMTP server.');

const alertsSchema = z
  .strictObject({
    webhooks: z
      .array(z.url({ protocol: /^https?$/ }))
      .default([])
      .describe('Addresses that get a POST with JSON for each problem that begins or ends.'),
    email: emailSchema.optional(),
    afterSeconds: z
      .number()
      .min(0)
      .max(86_400)
      .default(60)
      .describe('A problem is told when it has lasted for so long.'),
  })
  .describe('Where problems are told.');

export const configSchema = z
  .strictObject({
    name: z
      .string()
      .regex(namePattern, 'a name has letters, digits, ".", "_" and "-", and begins with a letter or digit')
      .optional()
      .describe("What people call this server. The machine's name when absent."),
    dataFolder: z
      .string()
      .min(1)
      .default('.usync')
      .describe('Folder for keys and state of this server. Never copy it to another server.'),
    listen: listenSchema.prefault({}),
    datasets: z.array(datasetSchema).default([]).describe('What is kept identical.'),
    journal: journalSchema.prefault({}),
    log: logSchema.prefault({}),
    http: httpSchema.prefault({}),
    alerts: alertsSchema.prefault({}),
  })
  .describe('Settings of one Universal Sync server.');

/** What the schema lets through; `loadConfig` completes name and paths. */
export type ParsedConfig = Omit<Config, 'name'> & { readonly name?: string | undefined };

/** The published JSON Schema (draft 2020-12) of the configuration file, for completion in editors. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
  return { title: 'usync.yaml', ...schema };
}

/** The parts of a JSON Schema that are looked at here. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly [other: string]: unknown;
}
