/**
 * The sample application's two databases: an event-scouting application as teams run it at robotics events, on several
 * machines with bad Wi-Fi. Ordinary tables of an ordinary application: generated keys, composite keys, text keys,
 * a table without a key, foreign keys, unique columns, a view, an index, a trigger.
 */
export const scoutingSchema = `
CREATE TABLE events (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, venue TEXT, starts_on TEXT, ends_on TEXT);
CREATE TABLE teams (number INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, school TEXT, rookie_year INTEGER);
CREATE TABLE event_teams (event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE, team_number INTEGER NOT NULL REFERENCES teams(number), pit TEXT, PRIMARY KEY (event_id, team_number));
CREATE TABLE robots (id INTEGER PRIMARY KEY AUTOINCREMENT, team_number INTEGER NOT NULL REFERENCES teams(number) ON DELETE CASCADE, season INTEGER NOT NULL, name TEXT, weight_kg REAL, drive TEXT);
CREATE TABLE robot_parts (id INTEGER PRIMARY KEY AUTOINCREMENT, robot_id INTEGER NOT NULL REFERENCES robots(id) ON DELETE CASCADE, kind TEXT NOT NULL, detail TEXT);
CREATE TABLE matches (id INTEGER PRIMARY KEY, event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE, level TEXT NOT NULL, number INTEGER NOT NULL, scheduled_at TEXT, red_score INTEGER, blue_score INTEGER);
CREATE TABLE match_teams (match_id INTEGER NOT NULL REFERENCES matches(id) ON DELETE CASCADE, station TEXT NOT NULL, team_number INTEGER NOT NULL REFERENCES teams(number), PRIMARY KEY (match_id, station)) WITHOUT ROWID;
CREATE TABLE forms (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, season INTEGER NOT NULL, is_active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE form_fields (id INTEGER PRIMARY KEY AUTOINCREMENT, form_id INTEGER NOT NULL REFERENCES forms(id) ON DELETE CASCADE, position INTEGER NOT NULL, label TEXT NOT NULL, kind TEXT NOT NULL, options TEXT);
CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, match_id INTEGER NOT NULL REFERENCES matches(id) ON DELETE CASCADE, team_number INTEGER NOT NULL REFERENCES teams(number), form_id INTEGER REFERENCES forms(id), scout TEXT, started_at TEXT, notes TEXT, confidence REAL);
CREATE TABLE entry_values (entry_id INTEGER NOT NULL REFERENCES entries(id) ON DELETE CASCADE, field_id INTEGER NOT NULL REFERENCES form_fields(id), value, PRIMARY KEY (entry_id, field_id)) WITHOUT ROWID;
CREATE TABLE pit_reports (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id INTEGER NOT NULL REFERENCES events(id), team_number INTEGER NOT NULL REFERENCES teams(number), scout TEXT, summary TEXT, reported_at TEXT);
CREATE TABLE pit_photos (id INTEGER PRIMARY KEY AUTOINCREMENT, report_id INTEGER NOT NULL REFERENCES pit_reports(id) ON DELETE CASCADE, caption TEXT, thumbnail BLOB);
CREATE TABLE strategies (id INTEGER PRIMARY KEY AUTOINCREMENT, match_id INTEGER REFERENCES matches(id) ON DELETE SET NULL, title TEXT NOT NULL, body TEXT);
CREATE TABLE strategy_drawings (id INTEGER PRIMARY KEY AUTOINCREMENT, strategy_id INTEGER NOT NULL REFERENCES strategies(id) ON DELETE CASCADE, phase TEXT, strokes BLOB);
CREATE TABLE pick_lists (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE, title TEXT NOT NULL);
CREATE TABLE pick_list_teams (list_id INTEGER NOT NULL REFERENCES pick_lists(id) ON DELETE CASCADE, team_number INTEGER NOT NULL REFERENCES teams(number), position REAL NOT NULL, comment TEXT, PRIMARY KEY (list_id, team_number));
CREATE TABLE rankings (event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE, team_number INTEGER NOT NULL REFERENCES teams(number), rank INTEGER, points REAL, PRIMARY KEY (event_id, team_number));
CREATE TABLE awards (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id INTEGER NOT NULL REFERENCES events(id), team_number INTEGER REFERENCES teams(number), title TEXT NOT NULL);
CREATE TABLE tags (name TEXT PRIMARY KEY COLLATE NOCASE, colour TEXT);
CREATE TABLE team_tags (team_number INTEGER NOT NULL REFERENCES teams(number) ON DELETE CASCADE, tag TEXT NOT NULL REFERENCES tags(name) ON UPDATE CASCADE, PRIMARY KEY (team_number, tag)) WITHOUT ROWID;
CREATE TABLE batteries (label TEXT PRIMARY KEY, bought_on TEXT, cycles INTEGER NOT NULL DEFAULT 0, resistance REAL);
CREATE TABLE checklists (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);
CREATE TABLE checklist_items (id INTEGER PRIMARY KEY AUTOINCREMENT, checklist_id INTEGER NOT NULL REFERENCES checklists(id) ON DELETE CASCADE, position INTEGER, text TEXT NOT NULL, done_at TEXT);
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE visits (at TEXT, page TEXT, seconds REAL);
CREATE INDEX entries_by_team ON entries (team_number, match_id);
CREATE VIEW team_summary AS SELECT t.number, t.name, count(e.id) AS entries FROM teams t LEFT JOIN entries e ON e.team_number = t.number GROUP BY t.number;
`;

export const accountsSchema = `
CREATE TABLE roles (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT, password_hash TEXT NOT NULL, is_active INTEGER NOT NULL DEFAULT 1, last_login TEXT);
CREATE TABLE user_roles (user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, role_id INTEGER NOT NULL REFERENCES roles(id), PRIMARY KEY (user_id, role_id));
CREATE TABLE messages (id TEXT PRIMARY KEY, sender TEXT NOT NULL, body TEXT NOT NULL, sent_at TEXT NOT NULL);
`;
