import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';

export type MusicVariant = 'plain' | 'autoincrement';

const sampleFiles: Record<MusicVariant, string> = {
  plain: 'Chinook_Sqlite.sql',
  autoincrement: 'Chinook_Sqlite_AutoIncrementPKs.sql',
};

/** Makes the music database: the whole public sample where it lies beside the project, else the small fixture of our own. */
export function createMusicDatabase(path: string, variant: MusicVariant): void {
  const connection = openConnection(path);
  connection.exec('PRAGMA journal_mode = WAL');
  connection.exec(musicSql(variant));
  connection.close();
}

function musicSql(variant: MusicVariant): string {
  const sample = fileURLToPath(new URL(`../../../../shared/data/chinook/${sampleFiles[variant]}`, import.meta.url));
  if (existsSync(sample)) return `BEGIN;${readFileSync(sample, 'utf8').replace(/^\uFEFF/, '')};COMMIT;`;
  const fixture = readFileSync(fileURLToPath(new URL('../../../test/fixtures/music.sql', import.meta.url)), 'utf8');
  return variant === 'plain' ? fixture : fixture.replaceAll('INTEGER PRIMARY KEY', 'INTEGER PRIMARY KEY AUTOINCREMENT');
}
