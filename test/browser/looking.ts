/** Looks at a page as everybody sees it: light and dark, on a desk and on a phone, with axe for those who see less. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { desktop, phone } from './browser-window.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Only colours change with the theme, only places with the size. */
const views = [
  ['desktop', desktop, 'light', everything],
  ['desktop', desktop, 'dark', ['color-contrast']],
  ['phone', phone, 'dark', ['color-contrast']],
  ['phone', phone, 'light', ['target-size', 'scrollable-region-focusable', 'region', 'empty-table-header']],
] as const;
/** With USYNC_SCREENSHOTS=FOLDER what is looked at is also drawn there, to be looked at by people. */
const screenshots = process.env['USYNC_SCREENSHOTS'] ?? '';
const waitMs = 60_000;

/** The policy of the page keeps axe out of it; that it fits its policy is the matter of other tests. */
export async function openBarePage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: desktop, bypassCSP: true, locale: 'en-GB' });
  context.setDefaultTimeout(waitMs);
  return context.newPage();
}

/** Asserts that nothing is found in any view, and draws each. */
export async function assertUsable(page: Page, name: string): Promise<void> {
  await page.evaluate(`${axe};0`);
  const found: string[] = [];
  for (const [size, viewport, colorScheme, rules] of views) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    found.push(...(await findings(page, rules)).map((each) => `${size} ${colorScheme}: ${each}`));
    await draw(page, `${name}-${size}-${colorScheme}`);
  }
  await page.setViewportSize(desktop);
  assert.deepEqual(found, [], name);
}

async function findings(page: Page, runOnly: readonly string[]): Promise<string[]> {
  const tooWide = Number(
    await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  );
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target.join(' ')).join(', ')))`,
  )) as string[];
  return tooWide > 0 ? [...found, `${tooWide} pixels too wide`] : found;
}

async function draw(page: Page, name: string): Promise<void> {
  if (screenshots === '') return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}
