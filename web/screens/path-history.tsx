import type { PathEvent } from '../../src/http/contract/file-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { StateWord } from '../parts/state-word.js';
import { useResource } from '../state/resource.js';
import { bytesText } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

const kindWords: Readonly<Record<PathEvent['kind'], StateWords>> = {
  added: { tone: 'ok', word: 'added' },
  changed: { tone: 'busy', word: 'changed' },
  moved: { tone: 'busy', word: 'moved' },
  deleted: { tone: 'bad', word: 'deleted' },
  attributes: { tone: 'idle', word: 'time or mode' },
  conflict: { tone: 'wait', word: 'lost its name' },
};

export interface PathHistoryProps {
  readonly dataset: string;
  readonly path: string;
}

/** What happened to one path, by whom and when; also under the names that it had before. */
export function PathHistory({ dataset, path }: PathHistoryProps) {
  const loaded = useResource(
    (signal) => call('pathHistory', { params: { dataset }, query: { path, limit: 200 }, signal }),
    { about: `${dataset} ${path}` },
  );
  return (
    <Panel title={`What happened to ${visible(path)}`}>
      <Loaded resource={loaded} what="what happened">
        {({ events, is_whole: isWhole }) =>
          events.length === 0 ? (
            <Empty title="The journal holds nothing of this path." />
          ) : (
            <>
              <ol class="lines">
                {events.map((event) => (
                  <Line key={`${event.at} ${event.kind} ${event.path} ${event.by}`} event={event} />
                ))}
              </ol>
              {isWhole ? null : (
                <p class="muted">More happened before; the journal or this list does not go back to it.</p>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Line({ event }: { readonly event: PathEvent }) {
  const { kind, path, from, by, at } = event;
  return (
    <li>
      <div class="line-head">
        <StateWord {...kindWords[kind]} />
        <span class="mono">{visible(from === null ? path : `${from} → ${path}`)}</span>
        <span class="muted small figure">{detailsOf(event)}</span>
        <span class="end muted small">
          {by}, <Age at={at} withClock />
        </span>
      </div>
    </li>
  );
}

function detailsOf({ kind, entry, before, now }: PathEvent): string {
  if (entry !== 'file') return entry;
  if (kind === 'attributes') return now?.mode === null || now === null ? 'time' : `mode ${now.mode.toString(8)}`;
  const [old, current] = [before?.size ?? null, now?.size ?? null];
  if (kind === 'changed' && old !== null && current !== null)
    return `${bytesText(old)} before, ${bytesText(current)} now`;
  const size = current ?? old;
  return size === null ? '' : bytesText(size);
}
