import { drainPollMs, dialTimeoutMs, dialPollMs } from '../../engine/engine-limits.js';
import type { settingsRoutes } from '../contract/settings-routes.js';
import type { Handlers } from './handler.js';
import { currentStatus } from './status-handlers.js';

/** Of the folder's own limits: how often everything is looked at though no hint came. */
const folderScanSeconds = 3_600;

export const settingsHandlers: Handlers<keyof typeof settingsRoutes> = {
  async getConfig(_, context) {
    const { server } = await currentStatus(context);
    const { isAll } = context.engine.paused();
    return {
      sync_enabled: !isAll,
      sync_interval: drainPollMs / 1_000,
      file_watch_interval: folderScanSeconds,
      max_retry_attempts: null,
      connection_timeout: dialTimeoutMs / 1_000,
      catchup_enabled: !isAll,
      max_catchup_days: context.config.journal.daysMax,
      catchup_batch_size: null,
      catchup_check_interval: dialPollMs / 1_000,
      server_id: server.id,
    };
  },
  async setConfig({ body }, { engine }) {
    const results = [];
    for (const [key, value] of Object.entries(body)) {
      if (key !== 'sync_enabled') {
        results.push({ key, changed: false, reason: reasons[key] ?? 'There is no such setting.' });
        continue;
      }
      const isEnabled = value === true;
      const isChanged = engine.paused().isAll === isEnabled;
      if (isChanged) await (isEnabled ? engine.resume(null) : engine.pause(null));
      results.push({
        key,
        changed: isChanged,
        reason: isEnabled ? 'Syncing with all servers.' : 'All servers are paused here; changes are kept for them.',
      });
    }
    const changed = results.filter((result) => result.changed).length;
    return { message: `${changed} of ${results.length} settings were changed.`, results };
  },
  getSettings: (_, { settings }) => settings.read(),
  async changeSettings({ body }, { settings }) {
    const changed = await settings.change(body.changes);
    return {
      message: 'Written to the file. Restart "usync run" for them to hold.',
      changed: [...changed],
      restart_needed: true,
    };
  },
  getAlerts: (_, { alerts }) => alerts.read(),
  async testAlerts(_, { alerts }) {
    const results = (await alerts.test()).map((each) => ({ ...each }));
    const sent = results.filter(({ ok }) => ok).length;
    return {
      message: results.length === 0 ? 'No target is set in "alerts".' : `${sent} of ${results.length} were sent.`,
      results,
    };
  },
};

const eventDriven = 'Changes are noticed and sent at once; this interval is only the net below, and is fixed.';
const reasons: Readonly<Record<string, string>> = {
  sync_interval: eventDriven,
  file_watch_interval: eventDriven,
  catchup_check_interval: eventDriven,
  max_retry_attempts: 'A server is tried again for ever, with growing pauses.',
  connection_timeout: 'It is fixed.',
  catchup_enabled: 'Catching up is how everything syncs; pause a server instead.',
  max_catchup_days: 'Set "journal.daysMax" in the settings.',
  catchup_batch_size: 'Batches are cut by time and bytes.',
};
