import { SyncError } from '../../core/sync-error.js';
import type { DataFiles } from '../../system/data-files.js';
import type { System } from '../../system/system.js';
import type { AccessStore } from './access-store.js';
import type { LoginGuard } from './login-guard.js';

/** What the parts of the access work with. */
export interface AccessPlace {
  readonly setupFiles: DataFiles;
  readonly system: System;
  /** log2 of the cost of a password's hash; the default where absent. */
  readonly passwordCostBits?: number | undefined;
  readonly store: AccessStore;
  readonly guard: LoginGuard;
  /** Wrong passwords and set-up links since the start. */
  readonly failures: { count: number };
  /** One set-up after the other: a token lets one in. */
  settingUp: Promise<unknown>;
}

export const refused = (text: string): SyncError => new SyncError('USYNC-1913', text);
export const unknown = (what: string, id: string): SyncError =>
  new SyncError('USYNC-1908', `There is no ${what} ${id}.`);
