import { ActivityScreen } from './screens/activity.js';
import { AuditScreen } from './screens/audit.js';
import { ConflictsScreen } from './screens/conflicts.js';
import { DataScreen } from './screens/data.js';
import { FilesScreen } from './screens/files.js';
import { HealthScreen } from './screens/health.js';
import { OverviewScreen } from './screens/overview.js';
import { RecoveryScreen } from './screens/recovery.js';
import type { Screen } from './screens/screen.js';
import { ServersScreen } from './screens/servers.js';
import { SettingsScreen } from './screens/settings.js';
import { UsersScreen } from './screens/users.js';

/** Every screen, in the order of the navigation. */
export const screens: readonly Screen[] = [
  { part: '', name: 'Overview', icon: 'overview', role: 'viewer', show: OverviewScreen },
  { part: 'servers', name: 'Servers', icon: 'servers', role: 'viewer', show: ServersScreen },
  { part: 'activity', name: 'Activity', icon: 'activity', role: 'viewer', show: ActivityScreen },
  { part: 'conflicts', name: 'Conflicts', icon: 'conflicts', role: 'viewer', show: ConflictsScreen },
  { part: 'data', name: 'Data', icon: 'data', role: 'viewer', show: DataScreen },
  { part: 'files', name: 'Files', icon: 'files', role: 'viewer', show: FilesScreen },
  { part: 'recovery', name: 'Recovery', icon: 'recovery', role: 'viewer', show: RecoveryScreen },
  { part: 'health', name: 'Health', icon: 'health', role: 'viewer', show: HealthScreen },
  { part: 'settings', name: 'Settings', icon: 'settings', role: 'viewer', show: SettingsScreen, isHouse: true },
  { part: 'users', name: 'Users and tokens', icon: 'users', role: 'viewer', show: UsersScreen, isHouse: true },
  { part: 'audit', name: 'Audit', icon: 'audit', role: 'admin', show: AuditScreen, isHouse: true },
];

export const screenAt = (parts: readonly string[]): Screen | undefined =>
  screens.find(({ part }) => part === (parts[0] ?? ''));
