/**
 * The contract of the list of servers: a few rows in a small database of its own, which the same engine replicates as
 * the dataset `_servers`. This is the application's side of that database: plain reads and writes.
 *
 * 1. `read` shows what is committed, by this server or by merging.
 * 2. Every write is one transaction and durable when it returns.
 * 3. Rows are never deleted: a removed server stays as `removed`, so that its key is refused for ever.
 */
import type { ServerId } from '../core/origin.js';

export interface ServerList {
  /** All servers, by name then id. */
  read(): readonly ListedServer[];
  /** Inserts; a row of the same id stays as it is. */
  add(server: ListedServer): void;
  /** Writes these fields and no others, so that what was merged into the row at the same moment stays. */
  change(id: ServerId, changes: ServerChanges): void;
  /** What people decided about conflicts. */
  readDecisions(): readonly ListedDecision[];
  /** Inserts, or replaces the decision on the same conflict. */
  putDecision(decision: ListedDecision): void;
  close(): void;
}

/** `wanted`: the server that knows the whole row is asked to put it back. `refused`: that was not possible. */
export interface ListedDecision {
  readonly dataset: string;
  /** The conflict's, which is the same on every server. */
  readonly id: string;
  readonly kind: 'restored' | 'dismissed' | 'wanted' | 'refused';
  readonly why: string;
  readonly by: ServerId;
  readonly atMs: number;
}

export type ServerChanges = Partial<Omit<ListedServer, 'id'>>;

export interface ListedServer {
  readonly id: ServerId;
  readonly name: string;
  readonly fingerprint: string;
  readonly addresses: readonly string[];
  readonly datasets: readonly string[];
  readonly state: 'pending' | 'member' | 'removed';
  readonly addedBy: ServerId;
  readonly addedAtMs: number;
  readonly removedBy: ServerId | null;
  readonly removedAtMs: number | null;
}
