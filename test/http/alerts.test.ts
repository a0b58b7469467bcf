/**
 * Goal: who is to be told of a problem is told, and where that fails it is said and tried again. Method: real mail and
 * web servers on loopback; the clock of the alerts is set by hand.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { AlertsConfig, Config, EmailConfig } from '../../src/config/config.js';
import type { AlertMessage } from '../../src/http/alerts/alert-message.js';
import { startAlerts, type Alerts } from '../../src/http/alerts/alerts.js';
import { sendMail } from '../../src/http/alerts/send-mail.js';
import type { StatusLook } from '../../src/http/status-reader.js';
import type { Problem } from '../../src/observe/problem.js';
import type { System } from '../../src/system/system.js';
import { until } from '../engine/engine-ground.js';
import { openMailServer, type MailServer } from './mail-server.js';
import { makeCertificate, skipWithoutOpenssl } from './test-certificate.js';

const message: AlertMessage = {
  ...{ kind: 'begun', server: 'pit', at: '2026-01-01T00:00:00.000Z', code: 'USYNC-1501' },
  ...{ subject: 'server Zürich\r\nBcc: eve@evil.example', reason: 'Nobody answers.', next_step: 'Look there.' },
};

const mailTo = ({ port }: Pick<MailServer, 'port'>, more: Partial<EmailConfig> = {}): EmailConfig => ({
  ...{ server: `smtp://127.0.0.1:${port}`, from: 'usync@pit.test', to: ['ann@pit.test', 'ben@pit.test'] },
  ...more,
});

function temporary(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'usync-mail-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a mail goes to all recipients, and a name with line ends makes no header of its own', async (context) => {
  const server = await openMailServer(context);
  await sendMail(mailTo(server), message, 5_000);
  const [mail] = server.mails;
  assert.deepEqual([mail?.from, mail?.to], ['usync@pit.test', ['ann@pit.test', 'ben@pit.test']]);
  const [head = '', ...text] = (mail?.content ?? '').split('\n\n');
  assert.doesNotMatch(head, /^Bcc:/im);
  assert.match(head, /^Subject: /m);
  assert.match(text.join('\n\n'), /Nobody answers\.\nLook there\./);
});

test('the password of the file signs in; a wrong one is told as the server tells it, and never shown', async (context) => {
  const server = await openMailServer(context, { user: { name: 'pit', password: 'geheim ist es' } });
  const passwordFile = join(temporary(context), 'password');
  writeFileSync(passwordFile, 'geheim ist es\n');
  await sendMail(mailTo(server, { user: 'pit', passwordFile }), message, 5_000);
  assert.equal(server.mails[0]?.user, 'pit');
  writeFileSync(passwordFile, 'not this one');
  await assert.rejects(sendMail(mailTo(server, { user: 'pit', passwordFile }), message, 5_000), (error: Error) => {
    assert.match(error.message, /535/);
    assert.doesNotMatch(error.message, /not this one/);
    return true;
  });
  await assert.rejects(
    sendMail(mailTo(server, { user: 'pit', passwordFile: `${passwordFile}-none` }), message, 5_000),
    /ENOENT/,
  );
  assert.equal(server.mails.length, 1);
});

test('a refused recipient or content is told with the words of the server', async (context) => {
  for (const [refuses, words] of [
    ['recipient', /550 nobody of that name/],
    ['content', /554 no such words/],
  ] as const) {
    const server = await openMailServer(context, { refuses });
    await assert.rejects(sendMail(mailTo(server), message, 5_000), words);
    assert.equal(server.mails.length, 0);
  }
});

test('one refused recipient of two is told, and the mail is not sent to the other again', async (context) => {
  const server = await openMailServer(context, { refuses: 'ben@pit.test' });
  const scene = sceneOf(context, { email: mailTo(server), afterSeconds: 0 });
  scene.problems = [problem('server a')];
  await scene.pass(5_000);
  const target = () => scene.alerts.read().targets[0];
  await until('it is sent', () => Promise.resolve(target()?.sent === 1));
  assert.match(target()?.last_error ?? '', /550 nobody/);
  await scene.pass(61_000);
  assert.deepEqual([server.mails.length, target()?.waiting, server.mails[0]?.to], [1, 0, ['ann@pit.test']]);
});

test('a mail server that says nothing is given up, and so is one that is not there', async (context) => {
  const server = await openMailServer(context, { isSilent: true });
  await assert.rejects(sendMail(mailTo(server), message, 200), /[Gg]reeting never received|[Tt]imeout/);
  await assert.rejects(sendMail(mailTo({ port: 1 }), message, 2_000), /ECONNREFUSED/);
});

test(
  'a certificate that nobody vouches for ends the delivery before anything is told',
  { skip: skipWithoutOpenssl },
  async (context) => {
    const folder = temporary(context);
    const tls = makeCertificate(folder, ['127.0.0.1']);
    const server = await openMailServer(context, { tls, user: { name: 'pit', password: 'secret' } });
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'secret');
    await assert.rejects(sendMail(mailTo(server, { user: 'pit', passwordFile }), message, 5_000), /self-signed/);
    assert.deepEqual(
      server.clearLines.map((line) => line.split(' ')[0]),
      ['EHLO', 'STARTTLS'],
    );
  },
);

test(
  'with a certificate that is known the mail and the password go encrypted',
  { skip: skipWithoutOpenssl },
  async (context) => {
    const folder = temporary(context);
    const tls = makeCertificate(folder, ['127.0.0.1']);
    const server = await openMailServer(context, { tls, user: { name: 'pit', password: 'secret' } });
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'secret');
    // Whom Node.js trusts is read at its start.
    const script = `
    import { sendMail } from ${JSON.stringify(new URL('../../src/http/alerts/send-mail.js', import.meta.url).href)};
    await sendMail(${JSON.stringify(mailTo(server, { user: 'pit', passwordFile }))}, ${JSON.stringify(message)}, 10_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: tls.certificatePath },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0);
    assert.deepEqual([server.mails[0]?.isEncrypted, server.mails[0]?.user], [true, 'pit']);
    assert.ok(!server.clearLines.some((line) => line.startsWith('AUTH') || line.startsWith('MAIL')));
  },
);

interface Scene {
  readonly alerts: Alerts;
  problems: readonly Problem[];
  /** Lets time go by, looks, and waits for what that sends. */
  pass(ms: number): Promise<void>;
}

function sceneOf(context: TestContext, config: Partial<AlertsConfig>): Scene {
  const timers = new Set<() => void>();
  let nowMs = 1_000_000;
  const system = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(_: number, run: () => void) {
      timers.add(run);
      return () => timers.delete(run);
    },
  } as unknown as System;
  const scene: { problems: readonly Problem[] } = { problems: [] };
  const alerts = startAlerts({
    config: { name: 'pit', alerts: { webhooks: [], afterSeconds: 60, ...config } } as unknown as Config,
    system,
    status: { read: () => Promise.resolve({ status: { problems: scene.problems } } as unknown as StatusLook) },
    timeoutMs: 1_000,
  });
  context.after(() => alerts.close());
  return Object.assign(scene, {
    alerts,
    async pass(ms: number) {
      nowMs += ms;
      const due = [...timers];
      timers.clear();
      for (const run of due) run();
      await until('the next look is planned', () => Promise.resolve(timers.size > 0));
    },
  });
}

const problem = (subject: string): Problem => ({
  ...{ code: 'USYNC-1501', subject, level: 'warn', reason: 'Nobody answers.', nextStep: 'Look there.' },
  ...{ sinceMs: 0, count: 1 },
});

async function openHook(context: TestContext) {
  const hook = { isUp: true, bodies: [] as AlertMessage[], url: '' };
  const server = createServer((request, answer) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      if (hook.isUp) hook.bodies.push(JSON.parse(body) as AlertMessage);
      answer.writeHead(hook.isUp ? 204 : 503).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  hook.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
  return hook;
}

test('a problem is told when it has lasted, its end too; one that comes and goes is not', async (context) => {
  const hook = await openHook(context);
  const scene = sceneOf(context, { webhooks: [hook.url] });
  scene.problems = [problem('server a'), problem('server b')];
  await scene.pass(0);
  scene.problems = [problem('server a')];
  await scene.pass(61_000);
  await until('it is told', () => Promise.resolve(hook.bodies.length === 1));
  assert.equal(scene.alerts.read().rules[0]?.state, 'firing');
  scene.problems = [];
  await scene.pass(5_000);
  await until('its end is told', () => Promise.resolve(hook.bodies.length === 2));
  assert.deepEqual(
    hook.bodies.map(({ kind, subject }) => [kind, subject]),
    [
      ['begun', 'server a'],
      ['ended', 'server a'],
    ],
  );
});

test('what cannot be delivered waits in its order, and the secret of a webhook is never shown', async (context) => {
  const hook = await openHook(context);
  hook.isUp = false;
  const scene = sceneOf(context, { webhooks: [hook.url], afterSeconds: 0 });
  scene.problems = [problem('server a')];
  await scene.pass(5_000);
  const target = () => scene.alerts.read().targets[0];
  await until('the failure is told', () => Promise.resolve(target()?.last_error === 'it answered 503'));
  scene.problems = [];
  await scene.pass(5_000);
  assert.deepEqual([target()?.sent, target()?.waiting], [0, 2]);
  assert.ok(!JSON.stringify(scene.alerts.read()).includes('secret-path'));
  hook.isUp = true;
  await scene.pass(61_000);
  await until('both are told', () => Promise.resolve(target()?.waiting === 0));
  assert.deepEqual(
    hook.bodies.map(({ kind }) => kind),
    ['begun', 'ended'],
  );
  assert.deepEqual([target()?.sent, target()?.last_error], [2, null]);
});

test('a mail server that hangs keeps no webhook waiting', async (context) => {
  const [hook, mail] = [await openHook(context), await openMailServer(context, { isSilent: true })];
  const scene = sceneOf(context, { webhooks: [hook.url], email: mailTo(mail), afterSeconds: 0 });
  for (const subject of ['one', 'two', 'three']) {
    scene.problems = [...scene.problems, problem(subject)];
    await scene.pass(5_000);
  }
  await until('all are told', () => Promise.resolve(hook.bodies.length === 3));
});

test('a test tells of each target what became of it', async (context) => {
  const [hook, mail] = [await openHook(context), await openMailServer(context, { refuses: 'recipient' })];
  const scene = sceneOf(context, { webhooks: [hook.url, 'http://127.0.0.1:1/'], email: mailTo(mail) });
  const results = await scene.alerts.test();
  assert.deepEqual(
    results.map(({ kind, ok }) => [kind, ok]),
    [
      ['webhook', true],
      ['webhook', false],
      ['email', false],
    ],
  );
  assert.match(results[1]?.error ?? '', /ECONNREFUSED|bad port/);
  assert.match(results[2]?.error ?? '', /550 nobody/);
});
