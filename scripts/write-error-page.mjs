// Writes docs/errors.md from the error catalogue. A test holds both equal.
import { writeFileSync } from 'node:fs';
import { errorCatalogue } from '../build/src/core/error-catalogue.js';

const rows = Object.entries(errorCatalogue).map(
  ([code, { title, cause, nextStep }]) => `| ${code} | ${title} | ${cause} | ${nextStep} |`,
);
const text = `# Errors

Every error has a stable code, says what failed and why, and what to do. Written by \`scripts/write-error-page.mjs\`.

<!-- prettier-ignore -->
| code | title | cause | what to do |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
writeFileSync(new URL('../docs/errors.md', import.meta.url), text);
