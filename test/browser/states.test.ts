// Goal: no screen leaves a person without a word: while it loads, when there is nothing, when the server does not answer,
// when what is shown is old, when the role does not suffice. Method: real Chromium over one real server with empty data;
// answers are held back or kept away between the two, and at last the server is killed.
import { after, before, suite, test } from 'node:test';
import type { Browser, Page, Route } from 'playwright-core';
import { openBrowser, skipWithoutChromium } from './browser-window.js';
import { assertUsable, openBarePage } from './looking.js';
import { createPageServers, type PageServer } from './page-servers.js';
import { nameNewUser, setUp, signIn } from './signing-in.js';

const viewer = { name: 'ben', password: 'another long sentence' };

interface ScreenStates {
  readonly path: string;
  readonly heading: string | RegExp;
  /** What stands there when there is nothing. */
  readonly empty: string | RegExp;
  /** What it asks for itself; the status and the session come by the frame. */
  readonly asks: RegExp | null;
}

const screens: readonly ScreenStates[] = [
  { path: '', heading: /alone/, empty: 'No other server yet.', asks: /\/api\/sync\/logs/ },
  { path: 'servers', heading: 'Servers', empty: 'No other server yet.', asks: null },
  { path: 'activity', heading: 'Activity', empty: /^Nothing was changed/, asks: /\/api\/sync\/changes/ },
  { path: 'activity/events', heading: 'Activity', empty: /\S/, asks: /\/api\/sync\/logs/ },
  { path: 'conflicts', heading: 'Conflicts', empty: 'No conflicts.', asks: /\/api\/sync\/conflicts/ },
  { path: 'conflicts/held', heading: 'Conflicts', empty: 'Nothing is held back.', asks: /\/api\/sync\/quarantine/ },
  { path: 'data/scouting', heading: 'scouting', empty: 'No other server carries it.', asks: /\/scouting\/tables/ },
  { path: 'files/photos', heading: 'photos', empty: 'Nothing stands here.', asks: /\/photos\/files(?:\?|$)/ },
  {
    path: 'files/photos/history',
    heading: 'photos',
    empty: 'Nothing was replaced or deleted here.',
    asks: /\/photos\/files\/history/,
  },
  { path: 'files/photos/waiting', heading: 'photos', empty: 'No conflict copies.', asks: /\/photos\/files\/report/ },
  { path: 'recovery', heading: 'Recovery', empty: /\S/, asks: /\/api\/sync\/recovery/ },
  { path: 'health', heading: 'Health', empty: /\S/, asks: /\/api\/sync\/health/ },
  { path: 'settings', heading: 'Settings', empty: /\S/, asks: /\/api\/sync\/settings/ },
  { path: 'users', heading: 'Users and tokens', empty: 'No token.', asks: /\/api\/sync\/tokens/ },
  { path: 'audit', heading: 'Audit', empty: /\S/, asks: /\/api\/sync\/audit/ },
];
const nameOf = ({ path }: ScreenStates): string => path.replaceAll(/\W+/g, '-') || 'overview';

suite('every state of every screen', { skip: skipWithoutChromium }, () => {
  const servers = createPageServers();
  let browser: Browser;
  let pit: PageServer;
  let page: Page;

  before(async () => {
    pit = await servers.add('pit');
    browser = await openBrowser();
    page = await openBarePage(browser);
    await setUp(page, pit);
  });

  after(async () => {
    await browser?.close();
    await servers.clear();
  });

  const open = (path: string): Promise<unknown> => page.goto(`${pit.origin}/sync/${path}`);
  const heading = ({ heading: name }: ScreenStates): Promise<void> =>
    page.getByRole('heading', { level: 1, name }).first().waitFor();

  for (const screen of screens)
    test(`/sync/${screen.path}: says so when there is nothing, while it loads, and when no answer comes`, async () => {
      await open(screen.path);
      await heading(screen);
      await page.locator('#main').getByText(screen.empty).first().waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      await assertUsable(page, `empty-${nameOf(screen)}`);
      const { asks } = screen;
      if (asks === null) return;
      const held: Route[] = [];
      let isHolding = true;
      await page.route(asks, (route) => (isHolding ? void held.push(route) : route.abort()));
      await open(screen.path);
      await heading(screen);
      await page.locator('#main .skeleton').first().waitFor();
      await assertUsable(page, `loading-${nameOf(screen)}`);
      isHolding = false;
      for (const route of held) await route.abort().catch(() => undefined);
      await page.getByText('The server was not reached.').first().waitFor();
      await assertUsable(page, `error-${nameOf(screen)}`);
      await page.unroute(asks);
      // What is live may have asked again by itself in this moment.
      const again = page.getByRole('button', { name: 'Try again' }).first();
      while ((await again.count()) > 0) await again.click({ timeout: 2_000 }).catch(() => undefined);
      await page.locator('#main').getByText(screen.empty).first().waitFor();
    });

  test('before the first answer of all the page says that it asks, and when none comes that it goes on trying', async () => {
    const held: Route[] = [];
    await page.route(/\/api\/sync\/session/, (route) => void held.push(route));
    await open('');
    await page.locator('.gate .skeleton').waitFor();
    await assertUsable(page, 'loading-gate');
    for (const route of held) await route.abort().catch(() => undefined);
    await page.getByRole('heading', { name: 'No answer' }).waitFor();
    await assertUsable(page, 'error-gate');
    await page.unroute(/\/api\/sync\/session/);
    await page.getByRole('heading', { level: 1, name: /alone/ }).waitFor();
  });

  test('a role that does not suffice is told so on each screen, with who can help', async () => {
    await open('users');
    const dialog = await nameNewUser(page, viewer);
    await assertUsable(page, 'dialog-add-user');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('row', { name: /^ben/ }).waitFor();
    const admins = page;
    try {
      page = await openBarePage(browser);
      await page.goto(`${pit.origin}/sync/audit`);
      await signIn(page, viewer);
      await page.getByText('Your role may not see this.').waitFor();
      await page.getByText('This needs the role admin. Ask an admin for it.').waitFor();
      await assertUsable(page, 'no-permission-audit');
      await open('servers/add');
      await page.getByRole('heading', { level: 1, name: 'Add a server' }).waitFor();
      await page.getByText('Your role may not see this.').waitFor();
      await assertUsable(page, 'no-permission-servers-add');
      await open('recovery');
      await page.locator('button[aria-disabled="true"]', { hasText: 'Show what would change' }).waitFor();
      for (const path of ['data', 'recovery', 'health', 'settings', 'users', 'conflicts']) {
        await open(path);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page.locator('.skeleton').first().waitFor({ state: 'detached' });
        await assertUsable(page, `no-permission-${path.replaceAll(/\W+/g, '-')}`);
      }
    } finally {
      await page.context().close();
      page = admins;
    }
  });

  test('when the server is gone each screen says how old it is, and that it goes on trying', async () => {
    await open('');
    await page.getByRole('heading', { level: 1, name: /alone/ }).waitFor();
    await pit.process.end('SIGKILL');
    await page.getByText(/^Live connection lost/).waitFor();
    await assertUsable(page, 'stale-overview');
    for (const name of ['Servers', 'Conflicts', 'Data', 'Health']) {
      await page.getByRole('link', { name, exact: true }).first().click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
      await page.getByText(/^Live connection lost/).waitFor();
      await assertUsable(page, `stale-${name.toLowerCase()}`);
    }
  });
});
