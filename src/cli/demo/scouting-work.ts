import type { DemoServer } from './demo-server.js';

/** What people at one place write while the event runs: new entries, corrections, deletions. */
export interface Work {
  /** Rows written by the application, in ordinary transactions. */
  readonly rows: number;
  readonly transactions: number;
}

/**
 * Scouting as an application does it: one transaction an entry, with the children of the new row, now and then a
 * correction or a deletion. New rows take the next free number, so servers that cannot see each other take the same ones.
 */
export function scout(server: DemoServer, entries: number, firstSeed: number): Work {
  const { scouting } = server;
  let rows = 0;
  for (let at = 0; at < entries; at++) {
    const seed = firstSeed + at;
    scouting.exec('BEGIN IMMEDIATE');
    const { lastRowid } = scouting
      .cached(
        'INSERT INTO entries (match_id, team_number, form_id, scout, notes, confidence) VALUES (?, ?, 1, ?, ?, ?)',
      )
      .run(1 + (seed % 120), 100 + (seed % 60) * 17, server.name, `seen from ${server.name}`, (seed % 100) / 100);
    for (let field = 1; field <= 5; field++)
      scouting.cached('INSERT INTO entry_values VALUES (?, ?, ?)').run(lastRowid, field, BigInt((seed * field) % 12));
    rows += 6;
    if (seed % 3 === 0) rows += correct(server, seed);
    scouting.exec('COMMIT');
  }
  return { rows, transactions: entries };
}

function correct({ scouting, name }: DemoServer, seed: number): number {
  const score = scouting
    .cached('UPDATE matches SET red_score = ? WHERE id = ?')
    .run(BigInt(seed % 150), 1 + (seed % 120));
  const cycles = scouting.cached('UPDATE batteries SET cycles = cycles + 1 WHERE label = ?').run(`B${1 + (seed % 12)}`);
  const visit = scouting.cached('INSERT INTO visits VALUES (?, ?, ?)').run('2026-03-06', `/${name}`, seed / 2);
  const photo = scouting.cached('DELETE FROM pit_photos WHERE id = ?').run(1 + (seed % 60));
  return score.changes + cycles.changes + visit.changes + photo.changes;
}
