import { spawnSync } from 'node:child_process';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const programs = ['chromium', 'chromium-browser', 'google-chrome'];
export const desktop = { width: 1280, height: 860 };
export const phone = { width: 390, height: 844 };
/** For machines that are ten times slower than this one. */
const waitMs = 60_000;

/** Where a Chromium is on this machine; null for none. */
export const chromiumPath = findChromium();
/** For the option `skip` of a test: why it cannot run here, or false. */
export const skipWithoutChromium =
  chromiumPath === null ? 'no Chromium on this machine (scripts/install-test-tools.sh installs it on Debian)' : false;

export function openBrowser(): Promise<Browser> {
  if (chromiumPath === null) throw new Error('no Chromium on this machine');
  // Inside a container there is no sandbox to be had for root; the pages are our own.
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
}

export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: errors of scripts and of the content policy, and every request to elsewhere. */
  readonly complaints: readonly string[];
}

export async function openWindow(browser: Browser, origin: string): Promise<Window> {
  const context = await browser.newContext({ viewport: desktop, colorScheme: 'light', locale: 'en-GB' });
  context.setDefaultTimeout(waitMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('console', (message) => {
    // That an answer was refused or not there is shown on the page; the browser notes it too.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('blob:')) complaints.push(request.url());
  });
  return { page, context, complaints };
}

function findChromium(): string | null {
  for (const program of programs) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return null;
}
