/** What a key that nobody listed can do to a server, and what not. Whole engines over loopback TLS. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import { groundOf, joinAll, until } from '../../test/engine/engine-ground.js';
import { helloOf, strangerTo } from '../../test/engine/stranger.js';

const isOver = (stranger: { isClosed: boolean }) => () => Promise.resolve(stranger.isClosed);

for (const code of ['USYNC-1402', 'USYNC-1404'])
  test(`a stranger that greets with the id of a member and refuses with ${code} is not believed`, async (context) => {
    const ground = groundOf(context);
    const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
    const b = await ground.add('b');
    await joinAll(a, [b]);
    await a.engine.invite();
    const { id } = (await b.engine.status()).server;
    await b.engine.stop('it is away');
    const stranger = await strangerTo(a);
    stranger.send(helloOf(id as ServerId));
    stranger.send({ kind: 'close', code, text: 'Call 555-0100.' });
    await until('the connection ends', isOver(stranger));
    const status = await a.engine.status();
    assert.equal(status.server.membership, 'member');
    assert.doesNotMatch(JSON.stringify(status), /555-0100/);
    assert.doesNotMatch(JSON.stringify(a.events), /555-0100/);
    await a.engine.invite();
  });

test('what a stranger says at the end under an id of its own is told to nobody', async (context) => {
  const a = await groundOf(context).add('a', "INSERT INTO item (name) VALUES ('one')");
  await a.engine.invite();
  const stranger = await strangerTo(a);
  stranger.send(helloOf(stranger.identity.server));
  stranger.send({ kind: 'close', code: 'USYNC-1402', text: 'Call 555-0100.' });
  await until('the connection ends', isOver(stranger));
  assert.doesNotMatch(JSON.stringify([await a.engine.status(), a.events]), /555-0100/);
});
