import { readFileSync } from 'node:fs';

/** The version in package.json, found from the compiled file. */
export const version: string = (() => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const found: unknown = JSON.parse(text);
  return typeof found === 'object' && found !== null && 'version' in found ? String(found.version) : '0.0.0';
})();
