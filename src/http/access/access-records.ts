/** What is kept of users, sessions and tokens: no password and no secret, only their hashes. */
import type { Role } from '../contract/route.js';

export interface UserRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly passwordHash: string;
  readonly isDisabled: boolean;
  readonly createdAtMs: number;
  readonly lastLoginMs: number | null;
}

export interface SessionRecord {
  readonly id: string;
  readonly userId: string;
  readonly secretHash: string;
  readonly createdAtMs: number;
  readonly lastUsedMs: number;
  readonly address: string;
  readonly agent: string;
}

export type TokenScope = Role | 'metrics';

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scope: TokenScope;
  readonly secretHash: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number | null;
  readonly lastUsedMs: number | null;
}

export interface AccessRecords {
  readonly users: readonly UserRecord[];
  readonly sessions: readonly SessionRecord[];
  readonly tokens: readonly TokenRecord[];
}

export const noAccessRecords: AccessRecords = { users: [], sessions: [], tokens: [] };
