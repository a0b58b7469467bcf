import { readFileSync } from 'node:fs';

/** The version in package.json, found from the compiled file, whose place in the package is fixed. */
export function packageVersion(): string {
  const found: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof found === 'object' && found !== null && 'version' in found ? String(found.version) : '0.0.0';
}
