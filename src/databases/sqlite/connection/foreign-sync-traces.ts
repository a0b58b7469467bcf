import type { Connection } from './driver.js';
import { foldName } from './identifiers.js';

/** Signs that another system replicates this database too, for `usync doctor`. */
export interface ForeignSyncTrace {
  readonly system: string;
  /** Tables and triggers by which it was recognised; at most a few. */
  readonly found: readonly string[];
  readonly advice: string;
}

interface KnownSystem {
  readonly system: string;
  /** Names (tables or triggers) in lower case. */
  readonly names: RegExp;
  /** How many different names must be there. More than one where a single name could be an application's own. */
  readonly atLeast: number;
  readonly advice: string;
}

const tracesMax = 5;

/** Reads only the schema. One that only reads along (Litestream) is reported too, with milder advice. */
export function foreignSyncTraces(connection: Connection): ForeignSyncTrace[] {
  const names = connection
    .prepare(`SELECT name FROM sqlite_schema WHERE type IN ('table', 'trigger', 'view') ORDER BY name`)
    .all()
    .map(([name]) => String(name));
  return knownSystems.flatMap(({ system, names: pattern, atLeast, advice }) => {
    const found = names.filter((name) => pattern.test(foldName(name)));
    return found.length >= atLeast ? [{ system, found: found.slice(0, tracesMax), advice }] : [];
  });
}

const stopIt = 'Two systems that merge the same rows undo each other. Remove it from this database before syncing.';
const readsOnly = 'It only reads, so both can run; restore its backups with the engine stopped.';

const knownSystems: readonly KnownSystem[] = [
  {
    system: 'cr-sqlite',
    names: /^(crsql_(master|site_id|changes|tracked_peers)|.+__crsql_(clock|pks|itrig|utrig|dtrig))$/,
    atLeast: 1,
    advice: stopIt,
  },
  { system: 'Corrosion', names: /^__corro_/, atLeast: 1, advice: stopIt },
  {
    system: 'sqlite-sync (CloudSync)',
    names: /^(cloudsync_(settings|table_settings|site_id|changes|schema_versions)|.+_cloudsync)$/,
    atLeast: 1,
    advice: stopIt,
  },
  { system: 'Litestream', names: /^_litestream_(seq|lock)$/, atLeast: 1, advice: readsOnly },
  {
    system: 'SymmetricDS',
    names: /^sym_(data|data_event|node|node_identity|node_security|trigger|router|channel|on_[iud]_.+)$/,
    atLeast: 2,
    advice: stopIt,
  },
  { system: 'Marmot', names: /^(__marmot__.+|marmot_.*change_log.*)$/, atLeast: 1, advice: stopIt },
  {
    system: 'PowerSync',
    names: /^ps_(crud|oplog|buckets|tx|kv|updated_rows|data__.+|data_local__.+)$/,
    atLeast: 2,
    advice: stopIt,
  },
  {
    system: 'ElectricSQL',
    names: /^_electric_(oplog|meta|migrations|trigger_settings|shadow)$/,
    atLeast: 1,
    advice: stopIt,
  },
  { system: 'Evolu', names: /^evolu_(history|config|owner|message|timestamp)$/, atLeast: 2, advice: stopIt },
  { system: 'Turso / libSQL sync', names: /^(turso_cdc|turso_sync_.+|libsql_wal_.+)$/, atLeast: 1, advice: stopIt },
  {
    system: 'the older built-in server sync of this application',
    names:
      /^(sync_servers|sync_log|sync_metadata|sync_conflicts|database_changes|file_checksums|universal_sync_log|universal_sync_servers)$/,
    atLeast: 2,
    advice: 'Switch it off in the application first: both would send the same rows.',
  },
];
