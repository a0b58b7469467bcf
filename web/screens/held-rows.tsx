import { useSignal } from '@preact/signals';
import type { HeldRow } from '../../src/http/contract/decision-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { Confirm } from '../parts/confirm.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Pager } from '../parts/pager.js';
import { Panel } from '../parts/panel.js';
import { Value } from '../parts/value.js';
import { status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { visible } from '../words/visible.js';

/** Rows that cannot be shown here yet: why, and what frees them. The stream goes on without them. */
export function HeldRows() {
  const page = useSignal(1);
  const held = useResource((signal) => call('listQuarantine', { query: { page: page.value }, signal }), {
    about: `held ${page.value}`,
    version: status.value?.quarantined ?? 0,
  });
  return (
    <Panel
      title="Held back on this server"
      aside={
        <Button
          isSmall
          obstacle={roleObstacle('operator')}
          onPress={async () => {
            say('ok', (await call('retryQuarantine', {})).message);
            held.reload();
          }}
        >
          Try all again
        </Button>
      }
    >
      <Loaded resource={held} what="what is held back">
        {({ quarantine, pagination }) =>
          quarantine.length === 0 ? (
            <Empty title="Nothing is held back.">
              <p>
                A row that does not fit the tables here (an unknown column, a missing parent, a value that is taken)
                waits here alone, with the reason, until it fits.
              </p>
            </Empty>
          ) : (
            <>
              <ul class="lines">
                {quarantine.map((row) => (
                  <HeldLine key={row.id} row={row} onDropped={held.reload} />
                ))}
              </ul>
              <Pager pagination={pagination} what="held rows" onPage={(next) => (page.value = next)} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function HeldLine({ row, onDropped }: { readonly row: HeldRow; readonly onDropped: () => void }) {
  const isAsking = useSignal(false);
  const place = visible(`${row.table} ${row.key}`);
  return (
    <li>
      <div class="line-head">
        <h3>{place}</h3>
        <span class="muted small">
          {row.dataset}, written on {row.written_by}
        </span>
        <span class="end muted small">
          <Age at={row.at} never="" />
        </span>
      </div>
      <p>{visible(row.reason)}</p>
      <p class="muted">{row.freed_by}</p>
      <details>
        <summary>Its values</summary>
        <dl class="cells">
          {row.cells.map(({ column, value }) => (
            <div key={column} class="cell">
              <dt>{visible(column)}</dt>
              <dd>
                <Value literal={value} />
              </dd>
            </div>
          ))}
        </dl>
      </details>
      <div class="actions">
        <Button
          isSmall
          look="danger"
          about={place}
          obstacle={roleObstacle('operator')}
          onPress={() => (isAsking.value = true)}
        >
          Delete it everywhere
        </Button>
      </div>
      {isAsking.value ? (
        <Confirm
          title={`Delete ${place} on every server?`}
          verb="Delete it everywhere"
          isDanger
          onClose={() => (isAsking.value = false)}
          onConfirm={async () => {
            say('ok', (await call('dropQuarantined', { params: { id: row.id } })).message);
            onDropped();
          }}
        >
          <p>Servers where the row is shown lose it too. Its history stays in the journal.</p>
        </Confirm>
      ) : null}
    </li>
  );
}
