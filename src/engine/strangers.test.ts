/** What a key that nobody listed can do to a server, and what not. Whole engines over loopback TLS. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import { groundOf, joinAll, until, type TestServer } from '../../test/engine/engine-ground.js';
import { helloOf, newKey, strangerTo, type Stranger } from '../../test/engine/stranger.js';
import { bindingOf } from './invites.js';
import { createPairingProof, readInviteCode } from './pairing.js';

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

/** A stranger that looks with the code, as `usync join --dry-run` does, and is let in. */
async function lookingAt(server: TestServer, code: string, key = newKey()): Promise<Stranger> {
  const stranger = await strangerTo(server, key);
  const { secret, fingerprint } = readInviteCode(code, Date.now());
  const ends = { binding: bindingOf(stranger.channel), joiner: key.fingerprint, inviter: fingerprint };
  stranger.send(helloOf(key.server, { pairing: createPairingProof(secret, ends) }));
  stranger.send({ kind: 'open' });
  await until('it is let in', () => Promise.resolve(stranger.received.some(({ kind }) => kind === 'open')));
  return stranger;
}

const isToldToGo = (stranger: Stranger) => () =>
  Promise.resolve(stranger.received.some((message) => message.kind === 'close' && message.code === 'USYNC-1400'));

test('a look ends when its code is revoked', async (context) => {
  const a = await groundOf(context).add('a', "INSERT INTO item (name) VALUES ('one')");
  const { code } = await a.engine.invite();
  const visitor = await lookingAt(a, code);
  const [invite] = a.engine.invites();
  await a.engine.revokeInvite(invite?.id ?? '');
  await until('the look ends', isToldToGo(visitor));
});

test('a look ends when its code expires', async (context) => {
  const a = await groundOf(context).add('a', "INSERT INTO item (name) VALUES ('one')");
  const { code, expiresAtMs } = await a.engine.invite({ validMs: 2_000 });
  const visitor = await lookingAt(a, code);
  await until('the look ends', isToldToGo(visitor));
  assert.ok(Date.now() >= expiresAtMs - 50);
});

test('a look ends when another server joins with the code, and when the same key looks again', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  const { code } = await a.engine.invite();
  const key = newKey();
  const first = await lookingAt(a, code, key);
  const second = await lookingAt(a, code, key);
  await until('the first look ends', isToldToGo(first));
  assert.equal(second.isClosed, false);
  await b.engine.join({ code });
  await until('the second look ends', isToldToGo(second));
});
