import type { EntryVersion } from '../core/entry.js';
import type { EntryTable } from '../databases/entry-table.js';
import type { HashAside } from '../system/hash-aside.js';
import type { System } from '../system/system.js';
import type { ContentHandles } from './content-handles.js';
import type { IgnoreRules } from './ignore-rules.js';
import type { NameFolding } from './name-folding.js';
import type { ProtectedFiles } from './protected-files.js';
import type { RootFolder } from './root-folder.js';
import type { ScanWork } from './scan-work.js';
import type { WaitingList } from './waiting-list.js';

/** What the parts of one folder's work share. All of it runs in one thread. */
export interface FolderContext {
  readonly dataset: string;
  readonly root: RootFolder;
  readonly table: EntryTable;
  readonly system: System;
  readonly hashAside: HashAside;
  readonly names: NameFolding;
  /** Whether the disk keeps permission bits. */
  readonly hasModes: boolean;
  readonly protectedFiles: ProtectedFiles;
  /** Name of this server, for conflict copies. */
  readonly author: string;
  /** Replaced when the ignore file changes. */
  rules: IgnoreRules;
  /** Entries that cannot be read or placed, and what is left out for a reason worth telling. */
  readonly waiting: WaitingList;
  readonly leftOut: WaitingList;
  /** What the ignore rules leave out, with the rule. */
  readonly ignored: WaitingList;
  readonly handles: ContentHandles;
  /** Where versions stood that were replaced by longer ones a moment ago: of a log, they are still its beginning. */
  readonly outgrown: Map<EntryVersion, string>;
  /** Folders whose names changed and are not synced yet: before what was done is recorded, they are. */
  readonly unsynced: Set<string>;
  /** Folders whose names are known to outlive a power loss: applications seldom sync what they make. */
  readonly durable: Set<string>;
  /** Paths of conflicts that another server is to settle, with when they were first seen here. */
  readonly conflictsSince: Map<string, number>;
  /** What was added to the history since it was last looked whether it is within its bounds. */
  readonly historyGrowth: { records: number; bytes: number };
  readonly scanWork: ScanWork;
  /** Look at this folder again, or at these names in it, before long. */
  readonly dirty: (folder: string, name: string | null) => void;
}
