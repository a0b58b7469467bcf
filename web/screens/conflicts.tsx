import { ScreenHead } from '../parts/screen-head.js';
import { Tabs } from '../parts/tabs.js';
import { status } from '../state/live.js';
import { pathTo, route } from '../state/route.js';
import { ConflictInbox } from './conflict-inbox.js';
import { HeldRows } from './held-rows.js';

/** What lost against a concurrent change, and what cannot be shown here yet. */
export function ConflictsScreen() {
  const part = route.value.parts[1] ?? 'open';
  const now = status.value;
  const named = (name: string, count: number | undefined): string =>
    count === undefined || count === 0 ? name : `${name} (${count})`;
  return (
    <>
      <ScreenHead
        title="Conflicts"
        lead="Two servers changed the same thing without knowing of each other. A rule decided at once, the same on every server; what lost is kept and can be put back."
      />
      <Tabs
        label="Kinds of decisions"
        tabs={[
          { href: pathTo(['conflicts']), name: named('Open', now?.open_conflicts), isOpen: part === 'open' },
          { href: pathTo(['conflicts', 'decided']), name: 'Decided', isOpen: part === 'decided' },
          { href: pathTo(['conflicts', 'held']), name: named('Held back', now?.quarantined), isOpen: part === 'held' },
        ]}
      />
      {part === 'held' ? <HeldRows /> : <ConflictInbox key={part} state={part === 'decided' ? 'decided' : 'open'} />}
    </>
  );
}
