import type { Connection } from '../../databases/sqlite/connection/driver.js';
import { accountsSchema, scoutingSchema } from './scouting-schema.js';

const cities = ['Aachen', 'Basel', 'Cork', 'Dover', 'Eger', 'Faro', 'Ghent', 'Härnösand', 'Izmir', 'Jena'];
const drives = ['swerve', 'tank', 'mecanum'];
const stations = ['red 1', 'red 2', 'red 3', 'blue 1', 'blue 2', 'blue 3'];

/** A number from 0 to `limit - 1` that looks random and is the same at every run. */
const scatter = (seed: number, limit: number): number => (Math.imul(seed + 1, 2654435761) >>> 8) % limit;

const pick = (list: readonly string[], seed: number): string => list[scatter(seed, list.length)] ?? '';

/** Fills a new scouting database: an event of 60 teams, 120 matches and what the scouts wrote, some thousand rows. */
export function createScoutingDatabase(database: Connection): void {
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(scoutingSchema);
  database.exec('BEGIN');
  addEvent(database);
  addForms(database);
  addMatches(database);
  addPitWork(database);
  database.exec('COMMIT');
}

/** Fills a new accounts database: roles and forty scouts. */
export function createAccountsDatabase(database: Connection): void {
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(accountsSchema);
  database.exec('BEGIN');
  const role = database.prepare('INSERT INTO roles VALUES (?, ?)');
  ['admin', 'lead scout', 'scout'].forEach((name, at) => role.run(at + 1, name));
  const user = database.prepare('INSERT INTO users (username, email, password_hash) VALUES (?, ?, ?)');
  const userRole = database.prepare('INSERT INTO user_roles VALUES (?, ?)');
  for (let id = 1; id <= 40; id++) {
    user.run(`scout${id}`, `scout${id}@example.org`, `scrypt$${scatter(id, 1e9).toString(36)}`);
    userRole.run(id, id === 1 ? 1 : 3);
  }
  database.exec('COMMIT');
}

function addEvent(database: Connection): void {
  database
    .prepare("INSERT INTO events VALUES (1, '2026demo', 'Lakeside Regional', 'Hall 4', '2026-03-05', '2026-03-07')")
    .run();
  const team = database.prepare('INSERT INTO teams VALUES (?, ?, ?, ?, ?)');
  const atEvent = database.prepare('INSERT INTO event_teams VALUES (1, ?, ?)');
  const robot = database.prepare(
    'INSERT INTO robots (team_number, season, name, weight_kg, drive) VALUES (?, 2026, ?, ?, ?)',
  );
  const part = database.prepare('INSERT INTO robot_parts (robot_id, kind, detail) VALUES (?, ?, ?)');
  const ranking = database.prepare('INSERT INTO rankings VALUES (1, ?, ?, ?)');
  for (let at = 0; at < 60; at++) {
    const number = 100 + at * 17;
    team.run(number, `Team ${number}`, pick(cities, at), `School ${at}`, 2000 + scatter(at, 26));
    atEvent.run(number, `P${at + 1}`);
    robot.run(number, `Robo ${at}`, 45 + scatter(at, 110) / 10, pick(drives, at));
    for (const kind of ['intake', 'climber', 'camera']) part.run(at + 1, kind, `${kind} of ${number}`);
    ranking.run(number, at + 1, 2.5 - at / 40);
  }
  const setting = database.prepare('INSERT INTO settings VALUES (?, ?)');
  for (const [key, value] of [
    ['event', '2026demo'],
    ['theme', 'dark'],
    ['units', 'metric'],
  ] as const)
    setting.run(key, value);
}

function addForms(database: Connection): void {
  database.prepare("INSERT INTO forms (title, season) VALUES ('Match scouting', 2026)").run();
  const field = database.prepare('INSERT INTO form_fields (form_id, position, label, kind) VALUES (1, ?, ?, ?)');
  ['auto pieces', 'teleop pieces', 'climb', 'defence', 'fouls'].forEach((label, at) => field.run(at, label, 'number'));
}

function addMatches(database: Connection): void {
  const match = database.prepare("INSERT INTO matches VALUES (?, 1, 'qualification', ?, ?, ?, ?)");
  const station = database.prepare('INSERT INTO match_teams VALUES (?, ?, ?)');
  const entry = database.prepare(
    'INSERT INTO entries (match_id, team_number, form_id, scout, started_at, notes, confidence) VALUES (?, ?, 1, ?, ?, ?, ?)',
  );
  const value = database.prepare('INSERT INTO entry_values VALUES (?, ?, ?)');
  let entryId = 0;
  for (let id = 1; id <= 120; id++) {
    match.run(id, id, `2026-03-06T${String(8 + (id % 9)).padStart(2, '0')}:00`, scatter(id, 150), scatter(id + 7, 150));
    stations.forEach((name, at) => {
      const team = 100 + ((id * 7 + at * 11) % 60) * 17;
      station.run(id, name, team);
      entryId++;
      entry.run(
        id,
        team,
        `scout${1 + (entryId % 40)}`,
        `2026-03-06T09:${String(id % 60).padStart(2, '0')}`,
        entryId % 5 ? null : 'fast cycles 🚀',
        scatter(entryId, 100) / 100,
      );
      for (let fieldId = 1; fieldId <= 5; fieldId++)
        value.run(entryId, fieldId, BigInt(scatter(entryId * 5 + fieldId, 12)));
    });
  }
}

function addPitWork(database: Connection): void {
  const report = database.prepare(
    "INSERT INTO pit_reports (event_id, team_number, scout, summary, reported_at) VALUES (1, ?, ?, ?, '2026-03-05')",
  );
  const photo = database.prepare('INSERT INTO pit_photos (report_id, caption, thumbnail) VALUES (?, ?, ?)');
  for (let at = 0; at < 60; at++) {
    report.run(100 + at * 17, `scout${1 + (at % 40)}`, `Solid frame, ${pick(drives, at)} drive`);
    photo.run(
      at + 1,
      'front',
      Uint8Array.from({ length: 64 }, (_, byte) => scatter(at * 64 + byte, 256)),
    );
  }
  const battery = database.prepare('INSERT INTO batteries VALUES (?, ?, ?, ?)');
  for (let at = 1; at <= 12; at++) battery.run(`B${at}`, '2025-12-01', scatter(at, 80), 0.01 + at / 1000);
  const tag = database.prepare('INSERT INTO tags VALUES (?, ?)');
  for (const name of ['Fast', 'Defender', 'Climber']) tag.run(name, 'teal');
  const visit = database.prepare('INSERT INTO visits VALUES (?, ?, ?)');
  for (let at = 0; at < 50; at++) visit.run('2026-03-05', pick(['/teams', '/matches'], at), scatter(at, 30) / 2);
}
