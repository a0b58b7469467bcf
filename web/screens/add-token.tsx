import { useSignal } from '@preact/signals';
import type { Token } from '../../src/http/contract/access-routes.js';
import type { RouteOutput } from '../../src/http/contract/route-table.js';
import { call } from '../api/call.js';
import { failureOf } from '../api/failure.js';
import { Button } from '../parts/button.js';
import { Choice } from '../parts/choice.js';
import { Dialog } from '../parts/dialog.js';
import { Field } from '../parts/field.js';
import { SubmitForm } from '../parts/submit-form.js';

export interface AddTokenProps {
  readonly onMade: (answer: RouteOutput<'addToken'>) => void;
  readonly onClose: () => void;
}

type Scope = Token['scope'];

const scopes: readonly (readonly [Scope, string])[] = [
  ['metrics', 'metrics: reads /metrics alone'],
  ['viewer', 'viewer: reads'],
  ['operator', 'operator: also decides and verifies'],
  ['admin', 'admin: everything'],
];
const validTimes = [
  ['30', '30 days'],
  ['365', 'one year'],
  ['', 'until it is revoked'],
] as const;

export function AddToken({ onMade, onClose }: AddTokenProps) {
  const name = useSignal('');
  const scope = useSignal<Scope>('metrics');
  const days = useSignal('365');
  const wrong = useSignal<string | null>(null);
  const make = async (): Promise<void> => {
    try {
      const body = { name: name.value, scope: scope.value, valid_days: days.value === '' ? null : Number(days.value) };
      onMade(await call('addToken', { body }));
      onClose();
    } catch (error) {
      wrong.value = failureOf(error).message;
    }
  };
  return (
    <Dialog title="Make a token" onClose={onClose}>
      <SubmitForm verb="Make it" onSubmit={make} aside={<Button onPress={onClose}>Cancel</Button>}>
        <Field
          label="Name"
          value={name.value}
          onInput={(value) => (name.value = value)}
          hint="Which program uses it."
          wrong={wrong.value}
          isRequired
        />
        <Choice
          label="May do"
          value={scope.value}
          options={scopes}
          onChoose={(value) => (scope.value = scopes.find(([each]) => each === value)?.[0] ?? 'metrics')}
        />
        <Choice label="Valid" value={days.value} options={validTimes} onChoose={(value) => (days.value = value)} />
      </SubmitForm>
    </Dialog>
  );
}
