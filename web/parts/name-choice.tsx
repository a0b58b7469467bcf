import { status } from '../state/live.js';
import { Choice } from './choice.js';

export interface NameChoiceProps {
  readonly value: string;
  readonly onChoose: (value: string) => void;
}

/** All servers or one. */
export function ServerChoice({ value, onChoose }: NameChoiceProps) {
  const servers = status.value?.servers ?? [];
  const options = servers.map(({ id, name }) => [id, name] as const);
  return <Choice label="Server" value={value} options={[['', 'all servers'], ...options]} onChoose={onChoose} />;
}

/** All datasets or one. */
export function DatasetChoice({ value, onChoose }: NameChoiceProps) {
  const datasets = status.value?.datasets ?? [];
  const options = datasets.map(({ name }) => [name, name] as const);
  return <Choice label="Dataset" value={value} options={[['', 'all datasets'], ...options]} onChoose={onChoose} />;
}

/** All databases or one: what folders have no part in. */
export function DatabaseChoice({ value, onChoose }: NameChoiceProps) {
  const databases = (status.value?.datasets ?? []).filter(({ kind }) => kind === 'database');
  const options = databases.map(({ name }) => [name, name] as const);
  return <Choice label="Database" value={value} options={[['', 'all databases'], ...options]} onChoose={onChoose} />;
}
