import type { ActivityEntry } from '../../src/http/contract/activity-schemas.js';
import { levelWords } from '../words/state-words.js';
import { Age } from './age.js';
import { Icon } from './icon.js';
import { visible } from '../words/visible.js';

/** Events as sentences, newest first. */
export function EventList({ events }: { readonly events: readonly ActivityEntry[] }) {
  return (
    <ul class="lines events">
      {events.map((event) => {
        const { tone, word } = levelWords[event.level];
        return (
          <li key={event.id} class={`tone-${tone}`}>
            <Icon name={tone} />
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
