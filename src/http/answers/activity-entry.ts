import { eventText } from '../../observe/event-text.js';
import type { ObservedEvent } from '../../observe/event.js';
import type { ActivityEntry } from '../contract/activity-schemas.js';
import { isoTime } from '../iso-time.js';

/** Ids of servers by name, for events, which name servers as people do. */
export type ServerIds = (name: string) => string | null;

/** An event under the names that clients of the older API know. `id` counts events since the start. */
export function activityEntry(event: ObservedEvent, id: string, serverIds: ServerIds): ActivityEntry {
  const peer = 'peer' in event ? event.peer : null;
  const failed = event.level === 'error' || event.kind === 'peer-refused' || event.kind === 'proof-failed';
  const rows = rowsOf(event);
  const time = isoTime(event.atMs);
  const text = eventText(event);
  return {
    id,
    server_id: peer === null ? null : serverIds(peer),
    sync_type: event.kind,
    direction: directionByKind[event.kind] ?? 'none',
    status: failed ? 'failed' : 'completed',
    started_at: time,
    completed_at: time,
    error_message: failed ? text : null,
    items_synced: failed ? 0 : rows,
    total_items: rows,
    bytes_transferred: null,
    sync_details: text,
    level: event.level,
    server_name: peer,
    dataset: 'dataset' in event ? event.dataset : null,
    code: 'code' in event ? event.code : null,
  };
}

const directionByKind: Partial<Record<ObservedEvent['kind'], ActivityEntry['direction']>> = {
  merged: 'in',
  'snapshot-merged': 'in',
  captured: 'out',
  'snapshot-sent': 'out',
};

function rowsOf(event: ObservedEvent): number {
  if ('rows' in event) return event.rows;
  return 'count' in event ? event.count : 0;
}
