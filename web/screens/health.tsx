import type { Finding, Health } from '../../src/http/contract/status-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Facts } from '../parts/facts.js';
import { Loaded } from '../parts/loaded.js';
import { Meter } from '../parts/meter.js';
import { Panel } from '../parts/panel.js';
import { ProblemList } from '../parts/problem-list.js';
import { ScreenHead } from '../parts/screen-head.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { ageText } from '../words/age-text.js';
import { bytesText, capital, countText, numberText } from '../words/count-text.js';
import type { StateWords, Tone } from '../words/tone.js';
import { AlertPanel } from './alert-panel.js';

const findingWords: Readonly<Record<Finding['level'], StateWords>> = {
  ok: { tone: 'ok', word: 'good' },
  warn: { tone: 'wait', word: 'warning' },
  fail: { tone: 'bad', word: 'wrong' },
};

/** What could go wrong: what the doctor finds, disk, journal, errors by code, alerts. */
export function HealthScreen() {
  const loaded = useResource((signal) => call('health', { signal }), { about: 'health' });
  const problems = status.value?.problems ?? [];
  return (
    <>
      <ScreenHead title="Health" lead="What is wrong now, and what could go wrong later.">
        <Button onPress={loaded.reload}>Look again</Button>
      </ScreenHead>
      {problems.length === 0 ? null : (
        <Panel title="Wrong now">
          <ProblemList problems={problems} />
        </Panel>
      )}
      <Loaded resource={loaded} what="the state of health">
        {(health) => <Inside health={health} />}
      </Loaded>
      <AlertPanel />
    </>
  );
}

function Inside({ health }: { readonly health: Health }) {
  const { errors, process } = health;
  return (
    <>
      <Findings health={health} />
      <div class="panels">
        <Room health={health} />
        <Panel title="The process">
          <Facts
            facts={[
              ['Runs for', ageText(process.uptime_seconds * 1_000)],
              ['Memory', bytesText(process.memory_bytes)],
              ['Event loop is late by', `${process.event_loop_lag_ms.toFixed(1)} ms`],
              ['Pages that listen', numberText(process.live_clients)],
            ]}
          />
        </Panel>
      </div>
      <Panel title="Errors by code since the start">
        {errors.length === 0 ? (
          <Empty title="No error since this server started." />
        ) : (
          <DataTable caption="Errors" columns={errorColumns} rows={errors} rowKey={({ code }) => code} />
        )}
      </Panel>
    </>
  );
}

function Findings({ health }: { readonly health: Health }) {
  const { findings, checked_at: at } = health;
  const worstFirst = findings.toSorted((a, b) => rank[b.level] - rank[a.level]);
  const bad = findings.filter(({ level }) => level !== 'ok').length;
  return (
    <Panel
      title="What the doctor finds"
      aside={
        <span class="muted small">
          looked <Age at={at} />
        </span>
      }
    >
      <p class="muted">
        {bad === 0
          ? `All ${findings.length} checks are good.`
          : `${countText(bad, 'of these needs', 'of these need')} a look.`}
      </p>
      <ul class="lines">
        {worstFirst.map(({ level, subject, text, next_step: nextStep }) => (
          <li key={`${subject} ${text}`}>
            <div class="line-head">
              <StateWord {...findingWords[level]} />
              <span>
                {capital(subject)}: {text}
              </span>
            </div>
            {level === 'ok' || nextStep === '' ? null : <p class="muted">{nextStep}</p>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Room({ health }: { readonly health: Health }) {
  const { disks, journal } = health;
  return (
    <Panel title="Room">
      {oncePerDisk(disks).map(({ paths, free_bytes: free, total_bytes: total }) => (
        <Meter
          key={paths.join(' ')}
          label={`Disk of ${paths.join(', ')}`}
          value={total - free}
          max={total}
          tone={fullTone(free / Math.max(1, total))}
          words={`${bytesText(free)} of ${bytesText(total)} free`}
        />
      ))}
      {journal.map(({ dataset, bytes, bytes_max: max }) => (
        <Meter
          key={dataset}
          label={`Journal of ${dataset}`}
          value={bytes}
          max={max}
          tone={fullTone(1 - bytes / Math.max(1, max))}
          words={`${bytesText(bytes)} of at most ${bytesText(max)}`}
        />
      ))}
    </Panel>
  );
}

type Disk = Health['disks'][number];

/** Places with the same room to the byte are on one disk. */
function oncePerDisk(disks: readonly Disk[]): readonly (Omit<Disk, 'path'> & { readonly paths: readonly string[] })[] {
  const found = new Map<string, Omit<Disk, 'path'> & { readonly paths: string[] }>();
  for (const { path, ...room } of disks) {
    const key = `${room.free_bytes} ${room.total_bytes}`;
    const known = found.get(key);
    if (known) known.paths.push(path);
    else found.set(key, { ...room, paths: [path] });
  }
  return [...found.values()];
}

const rank: Readonly<Record<Finding['level'], number>> = { ok: 0, warn: 1, fail: 2 };

/** By the part that is free. */
const fullTone = (free: number): Tone => (free < 0.05 ? 'bad' : free < 0.15 ? 'wait' : 'ok');

const errorColumns: readonly Column<Health['errors'][number]>[] = [
  { name: 'Code', order: ({ code }) => code, cell: ({ code }) => <code>{code}</code> },
  { name: 'Times', isNumber: true, order: ({ count }) => count, cell: ({ count }) => numberText(count) },
  { name: 'Last', order: ({ last_at: at }) => at, cell: ({ last_at: at }) => <Age at={at} withClock /> },
  { name: 'What it said', cell: ({ text }) => text },
];
