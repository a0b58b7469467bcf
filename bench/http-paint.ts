import { chromiumPath, openBrowser } from '../test/browser/browser-window.js';
import { signIn } from '../test/browser/signing-in.js';
import { median, type Figure } from './figure.js';
import { createPageGround } from './page-ground.js';

const loads = 7;

/** From the address to the first paint, and to the headline with its proof, each time with an empty cache. */
export async function benchHttpPaint(): Promise<Figure[]> {
  if (chromiumPath === null) return [];
  const ground = await createPageGround();
  const browser = await openBrowser();
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
    await page.goto(`${ground.origin}/sync/`);
    await signIn(page, ground.user);
    const headline = page.getByRole('region', { name: 'Is everything in sync?' });
    await headline.waitFor();
    const paints: number[] = [];
    const headlines: number[] = [];
    for (let at = 0; at < loads; at++) {
      await page.goto(`${ground.origin}/sync/`);
      await headline.waitFor();
      headlines.push(Number(await page.evaluate('performance.now()')));
      const paint = await page.evaluate(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null`);
      if (typeof paint === 'number') paints.push(paint);
    }
    return [
      ofMs(`first paint of the page, median of ${paints.length}`, median(paints), 1_000),
      ofMs(`the headline with its proof, median of ${headlines.length}`, median(headlines), null),
    ];
  } finally {
    await browser.close();
    await ground.clear();
  }
}

const ofMs = (name: string, value: number, atMost: number | null): Figure => ({
  ...{ name, value, unit: 'ms', baseline: null },
  goal: atMost === null ? null : { kind: 'at most', value: atMost },
});
