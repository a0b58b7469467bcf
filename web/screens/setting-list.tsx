import { useSignal } from '@preact/signals';
import type { Setting } from '../../src/http/contract/settings-routes.js';
import { call } from '../api/call.js';
import { failureOf } from '../api/failure.js';
import { Button } from '../parts/button.js';
import { Choice } from '../parts/choice.js';
import { Dialog } from '../parts/dialog.js';
import { Field } from '../parts/field.js';
import { SubmitForm } from '../parts/submit-form.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';

export interface SettingListProps {
  readonly settings: readonly Setting[];
  readonly onChanged: () => void;
}

const originText: Readonly<Record<Setting['origin'], string>> = {
  default: 'default',
  file: 'from the file',
  environment: 'from the environment',
  flag: 'from the command line',
};

/** Settings by name, with their value, where it comes from, and a way to change it. */
export function SettingList({ settings, onChanged }: SettingListProps) {
  const chosen = useSignal<Setting | null>(null);
  return (
    <>
      {groupsOf(settings).map(([group, members]) => (
        <section key={group} class="settings" aria-label={groupNames[group] ?? group}>
          <h3>{groupNames[group] ?? group}</h3>
          <ul class="lines">
            {members.map((setting) => (
              <SettingLine key={setting.path} setting={setting} onChoose={() => (chosen.value = setting)} />
            ))}
          </ul>
        </section>
      ))}
      {chosen.value === null ? null : (
        <ChangeSetting setting={chosen.value} onChanged={onChanged} onClose={() => (chosen.value = null)} />
      )}
    </>
  );
}

/** The first word of a path, as people call it. */
const groupNames: Readonly<Record<string, string>> = {
  '': 'This server',
  listen: 'Other servers',
  journal: 'How long changes are kept',
  log: 'Log',
  http: 'This page',
  alerts: 'Alerts',
};

function groupsOf(settings: readonly Setting[]): readonly (readonly [group: string, members: readonly Setting[]])[] {
  const groups = new Map<string, Setting[]>();
  for (const setting of settings) {
    const group = setting.path.includes('.') ? (setting.path.split('.')[0] ?? '') : '';
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  return [...groups];
}

interface SettingLineProps {
  readonly setting: Setting;
  readonly onChoose: () => void;
}

function SettingLine({ setting, onChoose }: SettingLineProps) {
  const { path, value, origin, where, help, is_editable: isEditable } = setting;
  const obstacle =
    roleObstacle('admin') ??
    (isEditable
      ? null
      : origin === 'default' || origin === 'file'
        ? 'It is changed in the file alone.'
        : `It is set ${originText[origin]} and cannot be changed here.`);
  return (
    <li class="setting">
      <div>
        <code>{path}</code>
        <p class="muted small">{help}</p>
      </div>
      <div>
        <strong>{valueText(value)}</strong>
        <p class="muted small">
          {originText[origin]}
          {where === '' || origin === 'default' ? '' : `: ${where}`}
        </p>
      </div>
      <Button isSmall about={path} obstacle={obstacle} onPress={onChoose}>
        Change
      </Button>
    </li>
  );
}

function valueText(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'not set';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(String).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** As a field holds it. */
function editText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(String).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

interface ChangeSettingProps {
  readonly setting: Setting;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

function ChangeSetting({ setting, onChanged, onClose }: ChangeSettingProps) {
  const { path, value, kind, choices, help } = setting;
  // Of addresses that hold secrets only the beginning is told: to write that back would lose them.
  const isHidden = path === 'alerts.webhooks' && Array.isArray(value) && value.length > 0;
  const text = useSignal(isHidden ? '' : editText(value));
  const wrong = useSignal<string | null>(null);
  const save = async (): Promise<void> => {
    try {
      const answer = await call('changeSettings', { body: { changes: { [path]: valueOf(kind, text.value) } } });
      say('ok', answer.message);
      onChanged();
      onClose();
    } catch (error) {
      wrong.value = failureOf(error).message;
    }
  };
  const options = kind === 'boolean' ? ['true', 'false'] : choices;
  return (
    <Dialog title={`Change ${path}`} onClose={onClose}>
      <SubmitForm verb="Write it into the file" onSubmit={save} aside={<Button onPress={onClose}>Cancel</Button>}>
        {options.length > 0 ? (
          <Choice
            label="Value"
            value={text.value}
            options={options.map((each) => [each, each] as const)}
            onChoose={(next) => (text.value = next)}
            hint={help}
          />
        ) : (
          <Field
            label="Value"
            type={kind === 'number' ? 'number' : 'text'}
            value={text.value}
            onInput={(next) => (text.value = next)}
            hint={`${help}${kind === 'list' ? ' Separate with commas.' : ''}${isHidden ? ' What you write replaces those that are set, which are not shown in full.' : ''}`}
            wrong={wrong.value}
          />
        )}
      </SubmitForm>
    </Dialog>
  );
}

function valueOf(kind: Setting['kind'], text: string): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return Number(text);
    case 'boolean':
      return text === 'true';
    case 'list':
      return text
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '');
  }
}
