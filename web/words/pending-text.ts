import type { Pending, ServerDataset } from '../../src/http/contract/server-schemas.js';
import { ageText } from './age-text.js';
import { bytesText, countText } from './count-text.js';

/** What is on its way in each direction; empty when nothing is. */
export function pendingText({ pending_in: into, pending_out: out }: ServerDataset): string {
  const parts = [wayText('to come', into), wayText('to send', out)];
  return parts.filter((part) => part !== '').join('; ');
}

function wayText(way: string, { origins, changesets, bytes, behind_ms: behindMs }: Pending): string {
  if (origins === 0) return '';
  const what = changesets === null ? 'changes' : countText(changesets, 'changeset');
  const size = bytes === null ? '' : `, ${bytesText(bytes)}`;
  const age = behindMs === null || behindMs < 1_000 ? '' : `, ${ageText(behindMs)} old`;
  return `${what}${size} ${way}${age}`;
}
