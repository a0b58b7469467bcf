import { ScreenHead } from '../parts/screen-head.js';
import { Tabs } from '../parts/tabs.js';
import { pathTo, route } from '../state/route.js';
import { ChangeFeed } from './change-feed.js';
import { EventFeed } from './event-feed.js';
import { RowHistoryScreen } from './row-history.js';

/** What changed, when, from where; and what the engine did. */
export function ActivityScreen() {
  const [, part] = route.value.parts;
  if (part === 'history') return <RowHistoryScreen />;
  const isEvents = part === 'events';
  return (
    <>
      <ScreenHead
        title="Activity"
        lead="What changed, when, and from where; each row and file with what stood there before."
      />
      <Tabs
        label="Kinds of activity"
        tabs={[
          { href: pathTo(['activity']), name: 'Changes', isOpen: !isEvents },
          { href: pathTo(['activity', 'events']), name: 'Events', isOpen: isEvents },
        ]}
      />
      {isEvents ? <EventFeed /> : <ChangeFeed />}
    </>
  );
}
