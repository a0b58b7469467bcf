import type { RouteOutput } from '../../src/http/contract/route-table.js';
import { call } from '../api/call.js';
import { Button } from '../parts/button.js';
import { Choice } from '../parts/choice.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { setTheme, theme, type Theme } from '../state/theme.js';
import { SettingList } from './setting-list.js';

type Rule = RouteOutput<'getSettings'>['rules'][number];

/** Every setting, where it comes from, and what can be changed here. */
export function SettingsScreen() {
  const loaded = useResource((signal) => call('getSettings', { signal }), { about: 'settings' });
  return (
    <>
      <ScreenHead title="Settings" lead="What is set, where it comes from, and whether it can be changed here." />
      <Appearance />
      <Pause />
      <Loaded resource={loaded} what="the settings">
        {({ file, settings, rules, restart_needed: isRestartNeeded }) => (
          <>
            {isRestartNeeded ? (
              <Notice tone="wait" title="The file was changed here since this server started.">
                <p>What was changed holds from the next start of &quot;usync run&quot; on.</p>
              </Notice>
            ) : null}
            <Panel title="Configuration" aside={<span class="muted small">{file ?? 'without a file'}</span>}>
              <SettingList settings={settings} onChanged={loaded.reload} />
            </Panel>
            <Panel title="Rules of tables">
              {rules.length === 0 ? (
                <Empty title="All tables follow the default rules.">
                  <p>Per column the later write wins; what loses is kept under Conflicts.</p>
                </Empty>
              ) : (
                <DataTable
                  caption="Rules of tables"
                  columns={ruleColumns}
                  rows={rules}
                  rowKey={({ dataset, table }) => `${dataset} ${table}`}
                />
              )}
            </Panel>
          </>
        )}
      </Loaded>
    </>
  );
}

const themes: readonly (readonly [Theme, string])[] = [
  ['system', 'as this device'],
  ['light', 'light'],
  ['dark', 'dark'],
];

function Appearance() {
  return (
    <Panel title="Appearance of this page">
      <Choice
        label="Light or dark"
        value={theme.value}
        options={themes}
        onChoose={(value) => setTheme(themes.find(([each]) => each === value)?.[0] ?? 'system')}
        hint="Kept in this browser."
      />
    </Panel>
  );
}

/** Stops and goes on with everything between this server and the others. */
function Pause() {
  const config = useResource((signal) => call('getConfig', { signal }), {
    about: 'pause',
    version: status.value?.servers.map(({ connection }) => connection).join() ?? '',
  });
  const isOn = config.data?.sync_enabled ?? true;
  return (
    <Panel
      title="Syncing"
      aside={
        <Button
          obstacle={roleObstacle('admin')}
          onPress={async () => {
            say('ok', (await call('setConfig', { body: { sync_enabled: !isOn } })).message);
            config.reload();
          }}
        >
          {isOn ? 'Pause' : 'Resume'}
        </Button>
      }
    >
      <p>
        {isOn
          ? 'This server talks with the others. While it is paused, what is written here is captured and sent later.'
          : 'Paused: what is written here is captured and waits; nothing comes in.'}
      </p>
    </Panel>
  );
}

const ruleColumns: readonly Column<Rule>[] = [
  { name: 'Table', order: ({ table }) => table, cell: ({ dataset, table }) => `${dataset}: ${table}` },
  { name: 'Synced', cell: ({ exclude }) => (exclude ? 'no, stays on this server' : 'yes') },
  { name: 'Equal unique values', cell: ({ unique }) => unique ?? 'default' },
  {
    name: 'Columns',
    cell: ({ columns }) =>
      Object.entries(columns)
        .map(([column, rule]) => `${column}: ${rule}`)
        .join(', ') || 'default',
  },
];
