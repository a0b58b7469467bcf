import { useSignal } from '@preact/signals';
import type { Session as SessionInfo } from '../src/http/contract/access-routes.js';
import { screenAt, screens } from './navigation.js';
import { Button } from './parts/button.js';
import { Dialog } from './parts/dialog.js';
import { Icon } from './parts/icon.js';
import { RunningJobs } from './parts/running-jobs.js';
import { SaidNotice } from './parts/said-notice.js';
import { StaleNotice } from './parts/stale-notice.js';
import { StateWord } from './parts/state-word.js';
import { OverviewScreen } from './screens/overview.js';
import { NotAllowedScreen } from './screens/not-allowed.js';
import { UnknownScreen } from './screens/unknown.js';
import type { Screen } from './screens/screen.js';
import { status } from './state/live.js';
import { pathTo, route } from './state/route.js';
import { may, signOut } from './state/session.js';
import { numberText } from './words/count-text.js';
import { syncStateWords } from './words/state-words.js';
import type { Tone } from './words/tone.js';

/** The frame around every screen: where one is, how things stand, and the ways to the other screens. */
export function Shell({ info }: { readonly info: SessionInfo }) {
  const open = screenAt(route.value.parts);
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Bar info={info} />
      <nav class="side" aria-label="Screens">
        <WayList open={open} />
      </nav>
      <main class="main" id="main" tabIndex={-1}>
        <StaleNotice />
        <Inside screen={open} />
        {open?.show === OverviewScreen ? null : <RunningJobs />}
      </main>
      <FootBar open={open} />
      <SaidNotice />
    </div>
  );
}

function Inside({ screen }: { readonly screen: Screen | undefined }) {
  if (screen === undefined) return <UnknownScreen />;
  if (!may(screen.role)) return <NotAllowedScreen screen={screen} />;
  const Show = screen.show;
  return <Show />;
}

function Bar({ info }: { readonly info: SessionInfo }) {
  const state = status.value?.state;
  return (
    <header class="bar">
      <a class="bar-brand" href={pathTo([])}>
        <Icon name="mark" />
        <span class="bar-server">{info.server_name}</span>
      </a>
      <div class="bar-rest">
        {state === undefined ? null : <StateWord {...syncStateWords[state]} />}
        <span class="bar-long muted">
          {info.user.name} ({info.user.role})
        </span>
        <Button look="quiet" isSmall onPress={signOut}>
          Sign out
        </Button>
      </div>
    </header>
  );
}

function WayList({ open }: { readonly open: Screen | undefined }) {
  const allowed = screens.filter(({ role }) => may(role));
  return (
    <ul>
      {allowed.map((screen, at) => (
        <li key={screen.part} class={screen.isHouse === true && allowed[at - 1]?.isHouse !== true ? 'first-house' : ''}>
          <a class="way" href={pathTo([screen.part])} aria-current={screen === open ? 'page' : undefined}>
            <Icon name={screen.icon} />
            {screen.name}
            <Count part={screen.part} />
          </a>
        </li>
      ))}
    </ul>
  );
}

/** How much waits for a person on a screen. */
function Count({ part }: { readonly part: string }) {
  const waiting = waitingAt(part);
  if (waiting === null || waiting.count === 0) return null;
  return (
    <span class={`count tone-${waiting.tone}`}>
      {waiting.count > 99 ? '99+' : numberText(waiting.count)}
      <span class="visually-hidden"> {waiting.words}</span>
    </span>
  );
}

function waitingAt(part: string): { readonly count: number; readonly tone: Tone; readonly words: string } | null {
  const now = status.value;
  if (now === null) return null;
  if (part === 'conflicts') return { count: now.open_conflicts + now.quarantined, tone: 'wait', words: 'to look at' };
  if (part === 'servers')
    return {
      count: now.servers.filter(({ state }) => state === 'pending').length,
      tone: 'wait',
      words: 'waiting for approval',
    };
  if (part === 'health')
    return { count: now.problems.filter(({ level }) => level === 'error').length, tone: 'bad', words: 'problems' };
  return null;
}

/** The thumb's way on a phone: four screens, and all of them behind the fifth. */
function FootBar({ open }: { readonly open: Screen | undefined }) {
  // The list is open at the address where it was opened: a way that is taken closes it.
  const openAt = useSignal<string | null>(null);
  return (
    <nav class="foot-bar" aria-label="Screens, short">
      {screens.slice(0, 4).map((screen) => (
        <a
          key={screen.part}
          class="foot-way"
          href={pathTo([screen.part])}
          aria-current={screen === open ? 'page' : undefined}
        >
          <Icon name={screen.icon} />
          {screen.name}
          <Count part={screen.part} />
        </a>
      ))}
      <button type="button" class="foot-way" aria-haspopup="dialog" onClick={() => (openAt.value = route.value.path)}>
        <Icon name="more" />
        More
      </button>
      {openAt.value === route.value.path ? (
        <Dialog title="All screens" onClose={() => (openAt.value = null)}>
          <nav class="more" aria-label="All screens">
            <WayList open={open} />
          </nav>
          <div class="actions">
            <Button onPress={() => (openAt.value = null)}>Close</Button>
          </div>
        </Dialog>
      ) : null}
    </nav>
  );
}
