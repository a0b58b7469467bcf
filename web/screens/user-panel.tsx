import { useSignal } from '@preact/signals';
import type { User } from '../../src/http/contract/access-routes.js';
import type { Role } from '../../src/http/contract/route.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { Choice } from '../parts/choice.js';
import { Confirm } from '../parts/confirm.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { StateWord } from '../parts/state-word.js';
import { useResource } from '../state/resource.js';
import { say } from '../state/said.js';
import { AddUser } from './add-user.js';
import { roleOptions } from '../words/role-words.js';

/** All users with their roles. */
export function UserPanel() {
  const users = useResource((signal) => call('listUsers', { signal }), { about: 'users' });
  const isAdding = useSignal(false);
  return (
    <Panel
      title="Users"
      aside={
        <Button look="first" isSmall onPress={() => (isAdding.value = true)}>
          Add a user
        </Button>
      }
    >
      <Loaded resource={users} what="the users">
        {({ users: rows }) => (
          <DataTable caption="Users" columns={columnsOf(users.reload)} rows={rows} rowKey={({ id }) => id} />
        )}
      </Loaded>
      {isAdding.value ? <AddUser onAdded={users.reload} onClose={() => (isAdding.value = false)} /> : null}
    </Panel>
  );
}

const columnsOf = (onChanged: () => void): readonly Column<User>[] => [
  { name: 'Name', order: ({ name }) => name, cell: ({ name }) => name },
  { name: 'Role', order: ({ role }) => role, cell: (user) => <RoleOf user={user} onChanged={onChanged} /> },
  {
    name: 'State',
    cell: ({ is_disabled: isDisabled }) => (
      <StateWord {...(isDisabled ? { tone: 'idle', word: 'disabled' } : { tone: 'ok', word: 'may sign in' })} />
    ),
  },
  { name: 'Last sign-in', order: ({ last_login: at }) => at ?? '', cell: ({ last_login: at }) => <Age at={at} /> },
  { name: 'Action', cell: (user) => <UserActions user={user} onChanged={onChanged} /> },
];

interface UserProps {
  readonly user: User;
  readonly onChanged: () => void;
}

function RoleOf({ user, onChanged }: UserProps) {
  const change = async (role: Role): Promise<void> => {
    await call('changeUser', { params: { id: user.id }, body: { role } });
    say('ok', `${user.name} is ${role} now.`);
    onChanged();
  };
  const isAsking = useSignal<Role | null>(null);
  return (
    <>
      <Choice
        label={`Role of ${user.name}`}
        isLabelHidden
        value={user.role}
        options={roleOptions}
        onChoose={(value) => (isAsking.value = roleOptions.find(([role]) => role === value)?.[0] ?? null)}
      />
      {isAsking.value === null ? null : (
        <Confirm
          title={`Make ${user.name} ${isAsking.value}?`}
          verb={`Make ${user.name} ${isAsking.value}`}
          onClose={() => (isAsking.value = null)}
          onConfirm={() => (isAsking.value === null ? null : change(isAsking.value))}
        >
          <p>It holds at once, also for sessions that are open.</p>
        </Confirm>
      )}
    </>
  );
}

function UserActions({ user, onChanged }: UserProps) {
  const { id, name, is_disabled: isDisabled } = user;
  const isAsking = useSignal(false);
  return (
    <span class="actions">
      <Button
        isSmall
        about={name}
        onPress={async () => {
          await call('changeUser', { params: { id }, body: { is_disabled: !isDisabled } });
          say('ok', isDisabled ? `${name} may sign in again.` : `${name} is signed out and cannot sign in.`);
          onChanged();
        }}
      >
        {isDisabled ? 'Enable' : 'Disable'}
      </Button>
      <Button isSmall look="danger" about={name} onPress={() => (isAsking.value = true)}>
        Remove
      </Button>
      {isAsking.value ? (
        <Confirm
          title={`Remove ${name}?`}
          verb={`Remove ${name}`}
          isDanger
          onClose={() => (isAsking.value = false)}
          onConfirm={async () => {
            say('ok', (await call('removeUser', { params: { id } })).message);
            onChanged();
          }}
        >
          <p>
            The sessions of {name} end. What {name} did stays in the audit.
          </p>
        </Confirm>
      ) : null}
    </span>
  );
}
