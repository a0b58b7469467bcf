import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Status } from '../../src/http/contract/status-schemas.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { useFocusOnOpen } from '../parts/focus-on-open.js';
import { Icon } from '../parts/icon.js';
import { tellEnd } from '../state/tell-end.js';
import { pathTo } from '../state/route.js';
import { may, roleObstacle } from '../state/session.js';
import { countText } from '../words/count-text.js';
import { syncStateWords } from '../words/state-words.js';
import { visible } from '../words/visible.js';

/** The answer in one sentence, the proof with its time, and the next step with something to press. */
export function Headline({ status }: { readonly status: Status }) {
  const { tone, word } = syncStateWords[status.state];
  const heading = useRef<HTMLHeadingElement>(null);
  useFocusOnOpen(heading);
  useEffect(() => {
    document.title = `${word} - ${status.server.name} - Universal Sync`;
  }, [word, status.server.name]);
  return (
    <section class={`headline tone-${tone}`} aria-label="Is everything in sync?">
      <Icon name={tone} />
      <div class="words">
        <h1 ref={heading} tabIndex={-1}>
          {visible(status.headline)}
        </h1>
        <p class="proof">{proofText(status)}</p>
        <NextStep status={status} />
      </div>
    </section>
  );
}

function proofText(status: Status): ComponentChildren {
  const { datasets, proven_at: provenAt } = status;
  if (datasets.length === 0) return 'No dataset is set up on this server.';
  const what = `${countText(datasets.length, 'dataset')}, ${countText(
    datasets.reduce((sum, { rows }) => sum + rows, 0),
    'row and file',
    'rows and files',
  )} here`;
  if (status.state === 'alone') return `${what}; there is nobody to compare them with.`;
  if (provenAt === null) return `${what}; not proven with every server yet.`;
  return (
    <>
      {what}; equal digests at equal versions seen <Age at={provenAt} withClock />.
    </>
  );
}

/** What to do, in words and as something to press where the page can do it. */
function NextStep({ status }: { readonly status: Status }) {
  const pending = status.servers.find(({ state }) => state === 'pending');
  const away = status.servers.find(({ connection, state }) => state === 'member' && connection === 'unreachable');
  const toDecide = status.open_conflicts + status.quarantined;
  const steps: ComponentChildren[] = [];
  if (pending !== undefined)
    steps.push(
      <a key="pending" class="button first" href={pathTo(['servers', pending.id])}>
        Look at {pending.name}, which waits
      </a>,
    );
  // The button says it.
  const mayAdd = status.state === 'alone' && may('admin');
  if (mayAdd)
    steps.push(
      <a key="add" class="button first" href={pathTo(['servers', 'add'])}>
        Add a server
      </a>,
    );
  if (away !== undefined)
    steps.push(
      <a key="away" class="button" href={pathTo(['servers', away.id])}>
        Why is {away.name} not reached?
      </a>,
    );
  if (toDecide > 0)
    steps.push(
      <a key="decide" class="button" href={pathTo(status.open_conflicts > 0 ? ['conflicts'] : ['conflicts', 'held'])}>
        Look at {countText(toDecide, 'decision')}
      </a>,
    );
  if (['waiting', 'catching-up', 'degraded'].includes(status.state)) steps.push(<SyncNow key="sync" />);
  return (
    <>
      {status.next_step === null || mayAdd ? null : <p class="next">{status.next_step}</p>}
      {steps.length === 0 ? null : <div class="actions">{steps}</div>}
    </>
  );
}

function SyncNow() {
  return (
    <Button
      obstacle={roleObstacle('operator')}
      onPress={async () => {
        const { job } = await call('syncAll', {});
        tellEnd(job);
      }}
    >
      Sync now
    </Button>
  );
}
