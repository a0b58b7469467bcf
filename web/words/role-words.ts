import type { Role } from '../../src/http/contract/route.js';

export const roleOptions: readonly (readonly [Role, string])[] = [
  ['viewer', 'viewer: looks'],
  ['operator', 'operator: decides and verifies'],
  ['admin', 'admin: everything'],
];
