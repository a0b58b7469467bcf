// Writes docs/api.md and docs/openapi.json from the table of routes. Tests hold both equal.
import { readFileSync, writeFileSync } from 'node:fs';
import { apiPage } from '../build/src/http/api-page.js';
import { openApiDocument } from '../build/src/http/openapi.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
writeFileSync(new URL('../docs/api.md', import.meta.url), apiPage());
writeFileSync(
  new URL('../docs/openapi.json', import.meta.url),
  `${JSON.stringify(openApiDocument(version), null, 2)}\n`,
);
