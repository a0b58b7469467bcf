import type { ActivityEntry } from '../../src/http/contract/activity-schemas.js';
import { levelWords } from '../words/state-words.js';
import { Age } from './age.js';
import type { Tone } from '../words/tone.js';
import { Icon, type IconName } from './icon.js';
import { visible } from '../words/visible.js';

/** What is neither good nor bad has a drawing of what it is about. */
function iconOf({ level, direction, sync_type: kind }: ActivityEntry, tone: Tone): IconName {
  if (level === 'warn' || level === 'error') return tone;
  if (kind === 'proven') return 'ok';
  if (kind.startsWith('peer-') || kind.startsWith('server-')) return 'servers';
  return direction === 'in' ? 'down' : direction === 'out' ? 'up' : 'activity';
}

/** Events as sentences, newest first. */
export function EventList({ events }: { readonly events: readonly ActivityEntry[] }) {
  return (
    <ul class="lines events">
      {events.map((event) => {
        const { tone, word } = levelWords[event.level];
        return (
          <li key={event.id} class={`tone-${tone}`}>
            <Icon name={iconOf(event, tone)} />
            <p>
              {event.level === 'info' || event.level === 'debug' ? null : <span class="visually-hidden">{word}: </span>}
              {visible(event.sync_details)}
            </p>
            <span class="muted small nowrap">
              <Age at={event.started_at} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}
