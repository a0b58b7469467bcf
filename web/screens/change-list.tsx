import type { Change } from '../../src/http/contract/activity-schemas.js';
import { Age } from '../parts/age.js';
import { StateWord } from '../parts/state-word.js';
import { ValueChange } from '../parts/value-change.js';
import { status } from '../state/live.js';
import { countText } from '../words/count-text.js';
import { operationWords } from '../words/operation-words.js';
import { fileChanges, type FileChange } from '../words/file-changes.js';
import { FileChangeLine } from './file-change-line.js';
import { pathTo } from '../state/route.js';
import { visible } from '../words/visible.js';

/** Changes by the transaction that made them. */
export function ChangeList({ changes }: { readonly changes: readonly Change[] }) {
  const folders = new Set(
    (status.value?.datasets ?? []).flatMap(({ kind, name }) => (kind === 'folder' ? [name] : [])),
  );
  return (
    <ul class="lines">
      {groupsOf(changes).map((group) => (
        <Changeset key={group.id} group={group} isFolder={folders.has(group.first.dataset)} />
      ))}
    </ul>
  );
}

interface Group {
  readonly id: string;
  readonly first: Change;
  readonly changes: readonly Change[];
}

function groupsOf(changes: readonly Change[]): readonly Group[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const id = `${change.dataset} ${change.changeset}`;
    groups.set(id, [...(groups.get(id) ?? []), change]);
  }
  return [...groups].flatMap(([id, all]) => {
    const [first] = all;
    return first === undefined ? [] : [{ id, first, changes: all }];
  });
}

function Changeset({ group, isFolder }: { readonly group: Group; readonly isFolder: boolean }) {
  const { first, changes } = group;
  const files: readonly FileChange[] = isFolder ? fileChanges(changes) : [];
  return (
    <li>
      <div class="line-head">
        <strong>{first.server_name}</strong>
        <span class="muted">
          {first.dataset}, {isFolder ? countText(files.length, 'file') : countText(changes.length, 'row')}
        </span>
        <span class="end muted small">
          <Age at={first.timestamp} withClock />
        </span>
      </div>
      <ul class="changes">
        {isFolder
          ? files.map((file) => <FileChangeLine key={file.path} dataset={first.dataset} file={file} />)
          : changes.map((change) => <RowChange key={change.id} change={change} />)}
      </ul>
    </li>
  );
}

function RowChange({ change }: { readonly change: Change }) {
  const { cells, operation, table, record_id: key } = change;
  const isInsert = operation === 'insert';
  return (
    <li class="change">
      <div class="line-head">
        <StateWord {...operationWords[operation]} />
        <span>
          {visible(table)} <span class="mono">{visible(key)}</span>
        </span>
        {change.key.length === 0 ? null : (
          <a class="small" href={historyAddress(change)} aria-label={`History of ${table} ${key}`}>
            History
          </a>
        )}
      </div>
      {cells.length === 0 ? null : (
        <dl class="cells">
          {cells.map(({ column, from, to }) => (
            <div key={column} class="cell">
              <dt>{visible(column)}</dt>
              <dd>
                <ValueChange from={isInsert ? null : from} to={operation === 'delete' ? null : to} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

function historyAddress({ dataset, table, key }: Pick<Change, 'dataset' | 'table' | 'key'>): string {
  const query = new URLSearchParams({ dataset, table });
  for (const each of key) query.append('key', each);
  return `${pathTo(['activity', 'history'])}?${query.toString()}`;
}
