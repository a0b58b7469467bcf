import { SyncError } from '../../core/sync-error.js';
import { msOfIsoTime } from '../iso-time.js';

/** Of a query; undefined where none was given. Throws USYNC-1907 for what is no time: a guess would tell too much or too little. */
export function sinceOf(since: string | undefined): number | undefined {
  if (since === undefined) return undefined;
  const ms = msOfIsoTime(since);
  if (ms === null) throw new SyncError('USYNC-1907', `"${since}" is no time.`, { facts: { field: 'since' } });
  return ms;
}
