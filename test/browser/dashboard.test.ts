// Goal: a person steers a group from the page alone. Method: real Chromium over three real servers that the test starts;
// the application writes with plain SQLite and plain files. The tests tell one story and run in their order.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { succeeded, waitUntil } from '../process/server-process.js';
import { openBrowser, openWindow, skipWithoutChromium, type Window } from './browser-window.js';
import { createPageServers, type PageServer } from './page-servers.js';
import { setUp } from './signing-in.js';

const provenMs = 120_000;

suite('the dashboard over three servers', { skip: skipWithoutChromium }, () => {
  const servers = createPageServers();
  let browser: Browser;
  let pit: PageServer;
  let stands: PageServer;
  let judges: PageServer;
  let window: Window;
  let page: Page;

  before(async () => {
    [pit, stands, judges] = [await servers.add('pit'), await servers.add('stands'), await servers.add('judges')];
    browser = await openBrowser();
    window = await openWindow(browser, pit.origin);
    page = window.page;
    pit.database.exec(`
      INSERT INTO team VALUES (254, 'Cheesy Poofs', 'San Jose'), (1678, 'Citrus Circuits', 'Davis');
      INSERT INTO score (team, points) VALUES (254, 88), (1678, 91);`);
    writeFileSync(join(pit.folder, 'robot.txt'), 'first');
  });

  after(async () => {
    await browser?.close();
    await servers.clear();
  });

  const open = (path: string): Promise<unknown> => page.goto(`${pit.origin}/sync/${path}`);
  const headline = (text: string | RegExp): Promise<void> =>
    page.getByRole('heading', { level: 1, name: text }).waitFor({ timeout: provenMs });

  test('the printed link makes the first user, and the overview says what to do next', async () => {
    await setUp(page, pit);
    await page.getByRole('link', { name: 'Add a server' }).waitFor();
    assert.equal(new URL(page.url()).hash, '', 'the secret has left the address');
    await page.goto(await pit.setupLink());
    await headline(/alone/);
  });

  test('a server that uses the code is found, is approved, and is seen to hold the same data', async () => {
    await open('servers/add');
    await page.getByRole('button', { name: 'Make a code' }).click();
    await page.getByRole('img', { name: 'The code as a QR picture' }).waitFor();
    const command = (await page.getByText(/^usync join /).textContent()) ?? '';
    succeeded(stands.process.usync('join', command.replace('usync join ', '')));
    await page.getByText('Found stands. Is it the one that you expect?').waitFor();
    await page.getByRole('button', { name: 'Approve stands' }).click();
    await page.getByText('stands holds the same data.').waitFor({ timeout: provenMs });
  });

  test('a server joins from its own page, after it was shown what that does', async () => {
    await page.getByRole('button', { name: 'Make another one' }).click();
    await page.getByLabel('Let the server in at once, without asking me again').check();
    await page.getByRole('button', { name: 'Make a code' }).click();
    const command = (await page.getByText(/^usync join /).textContent()) ?? '';
    const other = await openWindow(browser, judges.origin);
    await setUp(other.page, judges);
    await other.page.goto(`${judges.origin}/sync/servers/add`);
    await other.page.getByLabel('Code of the group').fill(command.replace('usync join ', ''));
    await other.page.getByRole('button', { name: 'Show what joining would do' }).click();
    await other.page.getByText('Invited by pit.').waitFor();
    await other.page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByText('judges holds the same data.').waitFor({ timeout: provenMs });
    assert.deepEqual(other.complaints, []);
    await other.context.close();
    await open('');
    await headline(/^All 3 servers hold the same data/);
  });

  test('a change of another server appears with the values before and after', async () => {
    await open('activity');
    stands.database.exec(`UPDATE team SET city = 'San José' WHERE number = 254`);
    const change = page.getByRole('listitem').filter({ hasText: 'team 254' }).filter({ hasText: 'changed' });
    await change.getByText('San José').first().waitFor({ timeout: provenMs });
    await change.getByText('San Jose', { exact: true }).first().waitFor();
    await page.getByRole('link', { name: 'History of team 254' }).first().click();
    await headline('History of team 254');
    await page.getByText('The row stands.').waitFor();
  });

  test('a server that is cut off is named with what to do, and nothing claims that it answers', async () => {
    await open('');
    await headline(/^All 3 servers hold the same data/);
    await judges.process.end('SIGKILL');
    await headline(/judges not reached/);
    await page.getByRole('link', { name: 'Why is judges not reached?' }).click();
    await headline('judges');
    await page.getByRole('button', { name: 'Ping' }).click();
    await page.locator('.said .tone-bad').waitFor();
    await page.getByRole('button', { name: 'Close this message' }).click();
  });

  test('when it is back, both are equal again, and what lost against it is put back by one press', async () => {
    pit.database.exec('UPDATE score SET points = 100 WHERE team = 254');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    judges.database.exec('UPDATE score SET points = 7 WHERE team = 254');
    await judges.process.start();
    await open('');
    await headline(/^All 3 servers hold the same data/);
    await open('conflicts');
    const conflict = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: /score .*points/ }) });
    await conflict.getByText('Kept, written on judges').waitFor();
    assert.match((await conflict.locator('.side-kept').textContent()) ?? '', /7$/);
    assert.match((await conflict.locator('.side-lost').textContent()) ?? '', /100$/);
    await conflict.getByRole('button', { name: /^Put back what lost/ }).click();
    await page.getByText('No conflicts.').waitFor();
    for (const { database, name } of [pit, stands, judges])
      await waitUntil(`${name} has the value back`, provenMs, () =>
        Promise.resolve(String(database.prepare('SELECT points FROM score WHERE team = 254').get()?.[0]) === '100'),
      );
    await page.getByRole('link', { name: 'Decided' }).click();
    await page.getByText('put back', { exact: true }).waitFor();
  });

  test('a file that was replaced is put back everywhere', async () => {
    writeFileSync(join(stands.folder, 'robot.txt'), 'second, by stands');
    const textAt = ({ folder }: PageServer): string => readFileSync(join(folder, 'robot.txt'), 'utf8');
    await waitUntil('the edit is on pit', provenMs, () => Promise.resolve(textAt(pit) === 'second, by stands'));
    await open('files/photos');
    await page.getByRole('link', { name: 'History of robot.txt' }).click();
    await page.getByRole('button', { name: 'Put back robot.txt' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Put it back' }).click();
    for (const server of [pit, stands, judges])
      await waitUntil(`${server.name} has the first text`, provenMs, () => Promise.resolve(textAt(server) === 'first'));
  });

  test('verify compares with every server and says so', async () => {
    await open('data');
    await page.getByLabel(/Also read every row here again/).check();
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('All that was compared is equal.').waitFor({ timeout: provenMs });
    await page.getByText(/Read again: \d+ rows, 0 of them other than kept/).waitFor();
  });

  test('what one server wrote is taken back after it was shown', async () => {
    // The field takes whole seconds, and the file of a test before was written on the same server.
    const since = new Date(Math.ceil((Date.now() + 10) / 1_000) * 1_000);
    await new Promise((resolve) => setTimeout(resolve, since.getTime() + 10 - Date.now()));
    stands.database.exec(`INSERT INTO team VALUES (4, 'by mistake', null)`);
    const count = (): string => String(pit.database.prepare('SELECT count(*) FROM team WHERE number = 4').get()?.[0]);
    await waitUntil('the mistake is on pit', provenMs, () => Promise.resolve(count() === '1'));
    await open('recovery');
    await page.getByLabel('Written on').selectOption({ label: 'stands' });
    const local = new Date(since.getTime() - since.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    await page.getByLabel('Since').fill(local);
    await page.getByRole('button', { name: 'Show what would change' }).click();
    await page.getByText('scouting: team 4').waitFor();
    await page.getByText('1 row is deleted.').waitFor();
    await page.getByText(/^Look at taking back what stands wrote since/).waitFor();
    await page.getByRole('button', { name: /^Take back 1 change/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take back on every server' }).click();
    await waitUntil('the mistake is gone on pit', provenMs, () => Promise.resolve(count() === '0'));
    await page.getByText('1 change was taken back.').waitFor();
    await page.getByText('It is a folder: its files are put back one by one, from its file history.').waitFor();
  });

  test('who presses "Sync all now" is told what became of it', async () => {
    await open('servers');
    await page.getByRole('button', { name: 'Sync all now' }).click();
    await page
      .getByText(/^Sync with (?:judges, stands|stands, judges): the same data, proven\.$/)
      .waitFor({ timeout: provenMs });
  });

  test('a live connection that is lost is told of, and goes on by itself', async () => {
    await open('');
    await headline(/^All 3 servers hold the same data/);
    await pit.process.end('SIGKILL');
    await page.getByText(/^Live connection lost/).waitFor();
    await page.getByText(/^What you see is as of/).waitFor();
    await pit.process.start();
    await page.getByText(/^Live connection lost/).waitFor({ state: 'detached', timeout: provenMs });
    await headline(/^All 3 servers hold the same data/);
  });

  test('the page asked nothing from elsewhere and broke no content policy', () => {
    assert.deepEqual(window.complaints, []);
  });
});
