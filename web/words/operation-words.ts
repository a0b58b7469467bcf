import type { Change } from '../../src/http/contract/activity-schemas.js';
import type { StateWords } from './tone.js';

export const operationWords: Readonly<Record<Change['operation'], StateWords>> = {
  insert: { tone: 'ok', word: 'inserted' },
  update: { tone: 'busy', word: 'changed' },
  delete: { tone: 'bad', word: 'deleted' },
  merge: { tone: 'wait', word: 'became one' },
};
