/** Servers that join while a run goes on, with rows of their own or without. */
import { createRandom } from './random.js';
import type { ReplacedRows } from './replaced-rows.js';
import { quoteName } from './table-design.js';
import { dumpTables } from './table-dump.js';
import { changeSchema, tablesOf } from './server-schema.js';
import { leftOutOn, shownTables, withoutLeftOut } from './shown-tables.js';
import { createServer, type VirtualServer } from './virtual-server.js';
import { noteWrite } from './witnesses.js';
import { writeStatements } from './workload.js';
import type { World } from './world.js';

export interface Joining {
  readonly index: number;
  /** Whose rows are copied, as a person copies a database without its sync tables. */
  readonly source: VirtualServer | null;
  readonly seed: number;
  readonly statements: number;
}

/** The application works alone before its server joins: the ledger knows what it wrote, nobody else does. */
export function createJoiningServer(world: World, { index, source, seed, statements }: Joining): VirtualServer {
  const server = createServer(world, index, true);
  const copyOf = source && !hasRenamed(source) ? source : null;
  if (copyOf) copyRows(world, copyOf, server);
  const copied = shownTables(world, server);
  // What the source leaves out nobody but its application knew of: with the copy it comes to the group.
  const before = copyOf ? withoutLeftOut(world.plan, leftOutOn(world, copyOf), copied) : copied;
  const steps: ReplacedRows = new Map();
  writeStatements(
    { db: server.app, tables: tablesOf(world, server), tokens: world.tokens, replaced: steps, trace: () => undefined },
    createRandom(seed),
    { count: statements, weights: world.plan.options.statementWeights },
  );
  const after = shownTables(world, server);
  noteWrite(world, { server: index, before, after, steps });
  world.ledger.noteOutside([...copied, ...after]);
  return server;
}

/**
 * A known limit: who begins with the later names of a table or a column does not know the former ones, by which others may
 * still write.
 */
const hasRenamed = ({ changes }: VirtualServer): boolean =>
  changes.some(({ kind }) => kind === 'rename-table' || kind === 'rename-column');

/**
 * A known limit: who begins with the former name of a table, and takes the group's rows from one that has renamed it, does not
 * know that they are of that table. They wait under the later name, and its own ones stand beside them.
 */
export const isAnyTableRenamed = ({ servers }: World): boolean =>
  servers.some(({ changes }) => changes.some(({ kind }) => kind === 'rename-table'));

function copyRows(world: World, source: VirtualServer, server: VirtualServer): void {
  for (const change of source.changes) changeSchema(world, server, change);
  const { app } = server;
  app.exec('PRAGMA foreign_keys = OFF');
  app.prepare('ATTACH ? AS source').run(source.path);
  for (const { name, columns } of dumpTables(app)) {
    // Those of a migration are among the copied ones, unless they were deleted.
    app.exec(`DELETE FROM main.${quoteName(name)}`);
    const cells = columns.map(quoteName).join(', ');
    app.exec(`INSERT INTO main.${quoteName(name)} (${cells}) SELECT ${cells} FROM source.${quoteName(name)}`);
  }
  app.exec('DETACH source; PRAGMA foreign_keys = ON');
}
