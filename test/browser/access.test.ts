// Goal: who may do what is seen and steered on the page. Method: real Chromium, one real server, two people. The tests
// tell one story and run in their order.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, openWindow, skipWithoutChromium, type Window } from './browser-window.js';
import { createPageServers, type PageServer } from './page-servers.js';
import { admin, nameNewUser, setUp, signIn } from './signing-in.js';

const viewer = { name: 'ben', password: 'another long sentence' };

suite('users, roles and sessions on the page', { skip: skipWithoutChromium }, () => {
  const servers = createPageServers();
  let browser: Browser;
  let hook: Server;
  let pit: PageServer;
  let mine: Window;
  let other: Window;
  let page: Page;

  before(async () => {
    hook = createServer((request, answer) => {
      request.resume();
      request.on('end', () => answer.writeHead(request.url === '/good' ? 204 : 500).end());
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
    pit = await servers.add('pit', { alerts: { webhooks: [`${base}/good`, `${base}/bad`] } });
    browser = await openBrowser();
    mine = await openWindow(browser, pit.origin);
    other = await openWindow(browser, pit.origin);
    page = mine.page;
  });

  after(async () => {
    await browser?.close();
    await servers.clear();
    hook.close();
  });

  const open = (path: string): Promise<unknown> => page.goto(`${pit.origin}/sync/${path}`);

  test('before the first user is made the page asks for the secret of the link', async () => {
    await other.page.goto(`${pit.origin}/sync/servers`);
    await other.page.getByLabel('Set-up secret').waitFor();
  });

  test('passwords that are short or differ are told of before anything is sent', async () => {
    await page.goto(await pit.setupLink());
    await page.getByLabel('Name').fill(admin.name);
    await page.getByLabel('New password', { exact: true }).fill('short');
    await page.getByLabel('New password again').fill('other');
    await page.getByRole('button', { name: 'Make this user and sign in' }).click();
    await page.getByText('At least 10 characters.', { exact: true }).waitFor();
    await page.getByText('The two passwords are not the same.').waitFor();
    await setUp(page, pit);
  });

  test('an admin adds a viewer, who sees everything and may press nothing', async () => {
    await open('users');
    const dialog = await nameNewUser(page, viewer);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('row', { name: /^ben/ }).waitFor();

    await other.page.goto(`${pit.origin}/sync/data`);
    await signIn(other.page, { name: viewer.name, password: 'a wrong password' });
    await other.page
      .getByRole('alert')
      .getByText(/USYNC-19/)
      .waitFor();
    await signIn(other.page, viewer);
    const verify = other.page.getByRole('button', { name: 'Verify now' });
    assert.equal(await verify.getAttribute('aria-disabled'), 'true');
    assert.equal(await other.page.getByRole('link', { name: 'Audit' }).count(), 0);
    await other.page.goto(`${pit.origin}/sync/audit`);
    await other.page.getByText('Your role may not see this.').waitFor();
  });

  test('a session that ends leads to signing in, and back to where one was', async () => {
    await other.page.goto(`${pit.origin}/sync/health`);
    await other.page.getByRole('heading', { name: 'Health', level: 1 }).waitFor();
    await open('users');
    await page.getByRole('row', { name: /^ben / }).getByRole('button', { name: /^End/ }).click();
    await other.page.getByText(/^Your session has ended/).waitFor();
    await signIn(other.page, viewer);
    await other.page.getByRole('heading', { name: 'Health', level: 1 }).waitFor();
  });

  test('a role that is raised holds at once', async () => {
    await page.getByLabel('Role of ben').selectOption('operator');
    await page.getByRole('dialog').getByRole('button', { name: 'Make ben operator' }).click();
    await page.getByText('ben is operator now.').waitFor();
    await other.page.goto(`${pit.origin}/sync/data`);
    await other.page.locator('button:not([aria-disabled="true"])', { hasText: 'Verify now' }).waitFor();
  });

  test('a token is shown once, and works', async () => {
    await page.getByRole('button', { name: 'Make a token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('prometheus');
    await dialog.getByLabel('May do').selectOption('viewer');
    await dialog.getByRole('button', { name: 'Make it' }).click();
    const secret = (await page.locator('.copy code').textContent()) ?? '';
    const answer = await fetch(`${pit.origin}/api/sync/status`, { headers: { authorization: `Bearer ${secret}` } });
    assert.equal(answer.status, 200);
    await open('users');
    await page.getByRole('row', { name: /^prometheus/ }).waitFor();
    assert.equal(await page.locator('.copy code').count(), 0);
  });

  test('a setting is written into the file, and the page says that it holds from the next start on', async () => {
    await open('settings');
    await page.getByRole('button', { name: 'Change log.level' }).click();
    await page.getByRole('dialog').getByLabel('Value').selectOption('warn');
    await page.getByRole('dialog').getByRole('button', { name: 'Write it into the file' }).click();
    await page.getByText('The file was changed here since this server started.').waitFor();
    assert.match(readFileSync(pit.process.configPath, 'utf8'), /level: warn/);
  });

  test('a test of the alerts tells of each target what became of it', async () => {
    await open('health');
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.locator('.said').getByText('1 of 2').waitFor();
    await page.locator('.said').getByText(/500/).waitFor();
    const told = page.getByRole('table', { name: 'Who is told' }).getByRole('row');
    // Until the list is read anew both rows say that none failed: the one that failed is waited for first.
    await told.filter({ hasText: '500' }).waitFor();
    await told.filter({ hasText: 'none' }).waitFor();
    await page.getByRole('button', { name: 'Close this message' }).click();
  });

  test('the theme that a person chooses is kept', async () => {
    await open('settings');
    await page.getByLabel('Light or dark').selectOption('dark');
    await page.reload();
    await page.locator('html[data-theme="dark"]').waitFor();
  });

  test('the audit names what was done, by whom', async () => {
    await open('audit');
    await page
      .getByRole('row', { name: /Add user/ })
      .getByText('ada')
      .waitFor();
    await page.getByLabel('Who').fill('nobody of this name');
    await page.getByText('Nobody did anything that fits.').waitFor();
  });

  test('every screen is reached and left by the keyboard alone', async () => {
    await open('');
    await page.getByRole('region', { name: 'Is everything in sync?' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#main:focus').waitFor();
    await page.getByRole('link', { name: 'Recovery' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('h1:focus', { hasText: 'Recovery' }).waitFor();
    await open('users');
    await page.getByRole('button', { name: 'Add a user' }).press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('button:focus', { hasText: 'Add a user' }).waitFor();
  });

  test('who signs out sees nothing any more', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await open('servers');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual([...mine.complaints, ...other.complaints], []);
  });
});
