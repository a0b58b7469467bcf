// Goal: every screen is usable by everybody: axe finds nothing in light and dark, on a desk and on a phone, and nothing
// reaches beyond the edge. Method: real Chromium over three real servers with names that try to break out.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { joinGroup, untilProven, waitUntil } from '../process/server-process.js';
import { hostileNames, quotedName } from '../http/hostile-names.js';
import { openBrowser, skipWithoutChromium } from './browser-window.js';
import { assertUsable, openBarePage } from './looking.js';
import { createPageServers, type PageServer } from './page-servers.js';
import { setUp } from './signing-in.js';

const hostile = `<img src=x onerror=alert(1)> "'\u202e${'long'.repeat(60)}`;

const screens: readonly (readonly [path: string, heading: string | RegExp])[] = [
  ['', /./],
  ['servers', 'Servers'],
  ['servers/SERVER', 'stands'],
  ['servers/add', 'Add a server'],
  ['activity', 'Activity'],
  ['activity/events', 'Activity'],
  ['activity/history?dataset=scouting&table=team&key=1', /^History of team 1/],
  ['conflicts', 'Conflicts'],
  ['conflicts/decided', 'Conflicts'],
  ['conflicts/held', 'Conflicts'],
  ['data', 'Data'],
  ['data/scouting', 'scouting'],
  ['files', 'Files'],
  ['files/photos', 'photos'],
  ['files/photos/history', 'photos'],
  ['files/photos?history=robot.txt', 'photos'],
  ['files/photos/waiting', 'photos'],
  ['recovery', 'Recovery'],
  ['health', 'Health'],
  ['settings', 'Settings'],
  ['users', 'Users and tokens'],
  ['audit', 'Audit'],
  ['no-such-screen', 'Nothing here'],
];

suite('every screen', { skip: skipWithoutChromium }, () => {
  const servers = createPageServers();
  let browser: Browser;
  let pit: PageServer;
  let page: Page;

  before(async () => {
    pit = await servers.add('pit');
    const [stands, judges] = [await servers.add('stands'), await servers.add('judges')];
    for (const each of [stands, judges]) await joinGroup(pit.process, each.process);
    await fill(pit, judges, [pit, stands, judges]);
    browser = await openBrowser();
    page = await openBarePage(browser);
    await setUp(page, pit);
  });

  after(async () => {
    await browser?.close();
    await servers.clear();
  });

  for (const [path, heading] of screens)
    test(`/sync/${path} is free of findings in light and dark, on a desk and on a phone`, async () => {
      const { peers } = await pit.process.status();
      const id = peers.find(({ name }) => name === 'stands')?.id ?? '';
      await page.goto(`${pit.origin}/sync/${path.replace('SERVER', id)}`);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      await assertUsable(page, path.replaceAll(/\W+/g, '-') || 'overview');
    });

  test('a code with its picture, what verifying found, and a question before something is removed are free of findings', async () => {
    await page.goto(`${pit.origin}/sync/servers/add`);
    await page.getByRole('button', { name: 'Make a code' }).click();
    await page.getByText(/^usync join /).waitFor();
    await assertUsable(page, 'servers-code');
    await page.goto(`${pit.origin}/sync/data`);
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('All that was compared is equal.').waitFor();
    await assertUsable(page, 'data-verified');
    const { peers } = await pit.process.status();
    await page.goto(`${pit.origin}/sync/servers/${peers[0]?.id ?? ''}`);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').waitFor();
    await assertUsable(page, 'server-remove');
  });

  test('the addresses of the older pages lead to their screens', async () => {
    for (const [path, heading] of [
      ['', /./],
      ['servers', 'Servers'],
      ['servers/add', 'Add a server'],
      ['logs', 'Activity'],
      ['config', 'Settings'],
    ] as const) {
      await page.goto(`${pit.origin}/sync/${path}`);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    }
  });

  test('signing in is free of findings, and the first run too', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await assertUsable(page, 'sign-in');
    await page.goto(`${pit.origin}/sync/setup`);
    await page.getByRole('heading', { name: /^First run/ }).waitFor();
    await assertUsable(page, 'setup');
  });

  test('nothing that an application wrote ran as code of the page', async () => {
    assert.equal(await page.evaluate('window.broken ?? null'), null);
  });
});

/** A conflict, a replaced file and names that try to break out. */
async function fill(pit: PageServer, judges: PageServer, all: readonly PageServer[]): Promise<void> {
  const table = quotedName(hostileNames[1] ?? '');
  for (const { database } of all)
    database.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, ${hostileNames.map(quotedName).join(', ')})`);
  pit.database.exec(`INSERT INTO ${table} VALUES (1, ${hostileNames.map(() => "'value'").join(', ')})`);
  const insert = pit.database.prepare('INSERT INTO team VALUES (?, ?, ?)');
  insert.run(1n, hostile.replace('alert(1)', 'window.broken=1'), 'Bern');
  insert.run(2n, "O'Hara; DROP TABLE team", null);
  writeFileSync(join(pit.folder, `${hostile.replaceAll('/', '').slice(0, 60)}.txt`), 'text');
  writeFileSync(join(pit.folder, 'robot.txt'), 'first');
  await untilProven(all.map(({ process: each }) => each));
  await judges.process.end('SIGKILL');
  pit.database.exec(`UPDATE team SET city = 'Basel' WHERE number = 1`);
  judges.database.exec(`UPDATE team SET city = 'Genf <b>' WHERE number = 1`);
  writeFileSync(join(pit.folder, 'robot.txt'), 'second');
  await judges.process.start();
  await untilProven(all.map(({ process: each }) => each));
  await waitUntil('the conflict is known', 60_000, async () =>
    (await pit.process.status()).datasets.some(({ conflicts }) => conflicts > 0),
  );
}
