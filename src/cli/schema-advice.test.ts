// Goal: `usync check` names columns that triggers count, since two servers that count at once would count once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConnection } from '../databases/sqlite/connection/driver.js';
import { readSchema } from '../databases/sqlite/schema/schema-reader.js';
import { counterAdvice, type KnownRules } from './schema-advice.js';

function adviceFor(trigger: string, rules: KnownRules = {}): string[] {
  const connection = openConnection(':memory:');
  connection.exec(`CREATE TABLE post (id INTEGER PRIMARY KEY, "comment count" INTEGER, likes INTEGER DEFAULT 0, title TEXT);
    CREATE TABLE comment (id INTEGER PRIMARY KEY, post_id REFERENCES post, stars INTEGER);
    CREATE TRIGGER kept AFTER INSERT ON comment BEGIN ${trigger} END`);
  const { tables } = readSchema(connection);
  connection.close();
  return counterAdvice(tables, rules).map(({ table, column, trigger: by }) => `${table}.${column} by ${by}`);
}

test('a column that a trigger counts up or down is named, however it is written', () => {
  const likes = ['post.likes by kept'];
  assert.deepEqual(adviceFor('UPDATE post SET likes = likes + 1 WHERE id = NEW.post_id;'), likes);
  assert.deepEqual(
    adviceFor(`update or ignore "post" set title = 'x', "likes"=[likes]-NEW.stars where id = 1;`),
    likes,
  );
  assert.deepEqual(adviceFor('UPDATE Post SET Likes = coalesce(likes, 0) + 1;'), likes);
  assert.deepEqual(adviceFor('UPDATE post SET "comment count" = "comment count" + 1;'), ['post.comment count by kept']);
});

test('nothing is said of what is set, counted anew, settled by a rule, or left out', () => {
  assert.deepEqual(adviceFor(`UPDATE post SET title = title || '+', likes = NEW.stars + 1;`), []);
  assert.deepEqual(adviceFor('UPDATE post SET likes = (SELECT count(*) + 0 FROM comment);'), []);
  assert.deepEqual(adviceFor('UPDATE post SET id = id + 1;'), []);
  const counted = 'UPDATE post SET likes = likes + 1;';
  assert.deepEqual(adviceFor(counted, { POST: { columns: { Likes: 'counter' } } }), []);
  assert.deepEqual(adviceFor(counted, { post: { exclude: true } }), []);
});
