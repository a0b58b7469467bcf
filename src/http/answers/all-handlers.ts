import type { goneRoutes } from '../contract/gone-routes.js';
import type { RouteName } from '../contract/route-table.js';
import { accessHandlers } from './access-handlers.js';
import { activityHandlers } from './activity-handlers.js';
import { dataHandlers } from './data-handlers.js';
import { decisionHandlers } from './decision-handlers.js';
import { fileHandlers } from './file-handlers.js';
import type { Handlers } from './handler.js';
import { jobHandlers } from './job-handlers.js';
import { receiveHandlers } from './receive-handlers.js';
import { serverHandlers } from './server-handlers.js';
import { settingsHandlers } from './settings-handlers.js';
import { statusHandlers } from './status-handlers.js';

export const allHandlers: Handlers<Exclude<RouteName, keyof typeof goneRoutes>> = {
  ...statusHandlers,
  ...serverHandlers,
  ...activityHandlers,
  ...dataHandlers,
  ...decisionHandlers,
  ...fileHandlers,
  ...jobHandlers,
  ...settingsHandlers,
  ...accessHandlers,
  ...receiveHandlers,
};
