import { foldName } from '../connection/identifiers.js';

/**
 * Tables in which migration tools remember what ran on this database. They speak of the schema of one server, which is
 * not replicated: elsewhere their rows would say that a migration ran that did not.
 */
const migrationTables: ReadonlySet<string> = new Set([
  '__diesel_schema_migrations',
  '__drizzle_migrations',
  '__efmigrationshistory',
  '_prisma_migrations',
  '_sqlx_migrations',
  'alembic_version',
  'ar_internal_metadata',
  'databasechangelog',
  'databasechangeloglock',
  'django_migrations',
  'doctrine_migration_versions',
  'flyway_schema_history',
  'goose_db_version',
  'knex_migrations',
  'knex_migrations_lock',
  'mikro_orm_migrations',
  'phinxlog',
  'refinery_schema_history',
  'schema_migrations',
  'sequelizemeta',
  'typeorm_metadata',
]);

export const isMigrationTable = (name: string): boolean => migrationTables.has(foldName(name));
