/** The settings of one server, checked and complete. Made by `loadConfig`, or by hand through `createSync`. */
export interface Config {
  /** What people call this server; unique within its group. */
  readonly name: string;
  /** Absolute path. Holds keys, the list of servers, and what tells a restored database from a newer one. */
  readonly dataFolder: string;
  readonly listen: ListenConfig;
  readonly datasets: readonly DatasetConfig[];
  readonly journal: JournalConfig;
  readonly log: LogConfig;
  readonly http: HttpConfig;
  readonly alerts: AlertsConfig;
}

/** The page and its API. */
export interface HttpConfig {
  readonly enabled: boolean;
  readonly host: string;
  /** Absent: 7421, or a free one where that is taken. 0 takes a free one. */
  readonly port?: number | undefined;
  /** Further host names under which the page is reached. */
  readonly hosts: readonly string[];
  /** Absolute paths of PEM files; both or neither. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** Where problems are told. */
export interface AlertsConfig {
  readonly webhooks: readonly string[];
  readonly email?: EmailConfig | undefined;
  /** A problem is told when it has lasted for so long. */
  readonly afterSeconds: number;
}

export interface EmailConfig {
  /** `smtp://host:port` or `smtps://host:port`. */
  readonly server: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly user?: string | undefined;
  /** Absolute path of a file that holds the password. */
  readonly passwordFile?: string | undefined;
}

export interface ListenConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** `host:port` under which others reach this server; empty: its own addresses with the listening port. */
  readonly advertise: readonly string[];
}

/** One dataset: a SQLite database or a folder; exactly one of `sqlite` and `folder` is there. */
export interface DatasetConfig {
  /** The same name on two servers means the same dataset. */
  readonly name: string;
  /** Absolute path of the application's database file. */
  readonly sqlite?: string | undefined;
  /** Absolute path of a folder. */
  readonly folder?: string | undefined;
  /** Further lines in the syntax of gitignore; for a folder. */
  readonly ignore?: readonly string[] | undefined;
  /** What is kept of replaced and deleted files; for a folder. */
  readonly history?: FolderHistoryConfig | undefined;
  /** How many bytes of files this server fetches a second at most; for a folder. Absent: as many as come. */
  readonly bytesPerSecondMax?: number | undefined;
  /** `bounded`: a huge transaction may become visible in parts; `whole`: never, however long it takes the lock. */
  readonly landing: 'bounded' | 'whole';
  /** For applications that do not wait for locks: shorter slices and longer gaps. */
  readonly polite: boolean;
  /** `additive`: tables and columns that are new on another server are made here too. */
  readonly schemaChanges?: 'none' | 'additive' | undefined;
  readonly tables: Readonly<Record<string, TableConfig>>;
}

export interface FolderHistoryConfig {
  readonly daysMax: number;
  /** Of one path. */
  readonly versionsMax: number;
  /** Of the whole folder. */
  readonly bytesMax: number;
}

export interface TableConfig {
  /** The table stays on this server and is never taken as deleted elsewhere. */
  readonly exclude?: boolean | undefined;
  /** What happens to two rows of two servers with one unique value. */
  readonly unique?: 'merge' | 'hold' | 'rename' | undefined;
  /** `row`: of two concurrent writes of one row the later stands as a whole. */
  readonly granularity?: 'column' | 'row' | undefined;
  readonly references?: readonly ReferenceConfig[] | undefined;
  readonly columns?: Readonly<Record<string, ColumnConfig>> | undefined;
}

/** A reference without a foreign key. */
export interface ReferenceConfig {
  readonly column: string;
  /** The table whose generated numbers the column holds. */
  readonly table: string;
  /** Several numbers in one value: a JSON array, or text with commas. */
  readonly list?: 'json' | 'text' | undefined;
}

export type ColumnConfig = 'column' | 'first-write-wins' | 'counter' | 'max' | 'min' | 'left-out';

export interface JournalConfig {
  /** Days for which the journal is kept for a server that has not acknowledged; then it gets a snapshot. */
  readonly daysMax: number;
  /** Bytes per dataset, with the same meaning. */
  readonly bytesMax: number;
  /** Days for which changes that every server has are kept, so that people can look back and take back. */
  readonly historyDays: number;
  /** Bytes per dataset, with the same meaning. */
  readonly historyBytes: number;
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** `auto`: text on a terminal, else one JSON object a line. */
  readonly format: 'auto' | 'json' | 'text';
}
