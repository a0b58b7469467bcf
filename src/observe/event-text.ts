import type { EventDetail } from './event.js';

/** One sentence for people, without the time. Names tables and servers, never the content of rows. */
export function eventText(event: EventDetail): string {
  switch (event.kind) {
    case 'engine-started':
      return `Server ${event.server} started (version ${event.version}), listening on ${event.listen}.`;
    case 'engine-stopped':
      return `Stopped: ${ended(event.reason)}`;
    case 'dataset-opened':
      return event.tables === null
        ? `Folder ${event.dataset} opened: ${counted(event.rows, 'path')}.`
        : `Dataset ${event.dataset} opened: ${counted(event.tables, 'table')}, ${counted(event.rows, 'row')}.`;
    case 'dataset-notice':
      return `Dataset ${event.dataset}: ${event.text} (${event.code})`;
    case 'captured':
      return `Dataset ${event.dataset}: captured ${counted(event.rows, 'row')} in ${counted(event.changesets, 'changeset')}.`;
    case 'merged':
      return `Dataset ${event.dataset}: merged ${counted(event.rows, 'row')} in ${counted(event.changesets, 'changeset')} from ${event.peer}.`;
    case 'snapshot-sent':
      return `Dataset ${event.dataset}: sent a snapshot of ${counted(event.rows, 'row')} to ${event.peer}.`;
    case 'snapshot-merged':
      return `Dataset ${event.dataset}: merged a snapshot of ${counted(event.rows, 'row')} from ${event.peer}.`;
    case 'conflicts':
      return `Dataset ${event.dataset}: ${counted(event.count, 'conflict')} resolved; what lost is kept.`;
    case 'quarantined':
      return `Dataset ${event.dataset}: ${counted(event.count, 'change')} cannot be shown here yet and wait.`;
    case 'schema-changed':
      return `Dataset ${event.dataset}: the schema changed; capture was put back and the tables compared.`;
    case 'schema-grown':
      return `Dataset ${event.dataset}: made ${event.what} here, which is new on another server.`;
    case 'schema-not-grown':
      return `Dataset ${event.dataset}: a change of another server's schema cannot be made here, and what needs it waits: ${ended(event.why)}`;
    case 'proven':
      return `Dataset ${event.dataset}: the same as ${event.peer}, proven for ${counted(event.rows, 'row')}.`;
    case 'proof-failed':
      return `Dataset ${event.dataset}: differs from ${event.peer} in ${event.tables.join(', ')}.`;
    case 'epoch-changed':
      return `Dataset ${event.dataset}: a new epoch begins (${event.origin}): ${ended(event.reason)}`;
    case 'peer-connected':
      return `Connected with ${event.peer} (${event.address}).`;
    case 'peer-lost':
      return `Connection with ${event.peer} ended: ${ended(event.reason)}`;
    case 'peer-refused':
      return `Server ${event.peer} was refused: ${event.reason} (${event.code})`;
    case 'server-joined':
      return `Server ${event.peer} joined.`;
    case 'server-removed':
      return `Server ${event.peer} was removed.`;
    case 'loop-failed':
      return `${event.loop} failed${event.count > 1 ? ` ${event.count} times` : ''}: ${event.message} ${event.nextStep} (${event.code}; tried again in ${(event.retryInMs / 1000).toFixed(1)} s)`;
    case 'loop-recovered':
      return `${event.loop} works again after ${counted(event.afterCount, 'failure')}.`;
  }
}

const counted = (count: number, noun: string): string =>
  `${count.toLocaleString('en-GB')} ${noun}${count === 1 ? '' : 's'}`;

/** A sentence's end, once: reasons of errors bring their own. */
const ended = (text: string): string => (text.endsWith('.') ? text : `${text}.`);
