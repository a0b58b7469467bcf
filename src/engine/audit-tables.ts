import type { AuditOutcome, Replica } from '../databases/replica.js';
import type { System } from '../system/system.js';
import type { AuditStatus } from './engine-status.js';

export interface AuditTools {
  /** An audit ends between two tables. */
  readonly signal?: AbortSignal;
  readonly onTable?: (table: string, rows: number) => void;
}

export interface AuditResult extends AuditStatus {
  readonly tables: AuditOutcome['tables'];
}

/** Reads the content of one table, of some, or of all at once. */
export async function auditTables(
  { replica, system }: { readonly replica: Replica; readonly system: System },
  asked: string | readonly string[] | undefined,
  { signal, onTable }: AuditTools,
): Promise<AuditResult> {
  const tables: AuditOutcome['tables'][number][] = [];
  let cpuMs = 0;
  for (const table of typeof asked === 'object' ? asked : [asked]) {
    if (signal?.aborted) break;
    const audited = await replica.audit(table);
    tables.push(...audited.tables);
    cpuMs += audited.cpuMs;
    for (const { table: name, rows } of audited.tables) onTable?.(name, rows);
  }
  return {
    tables,
    cpuMs,
    atMs: system.nowMs(),
    rows: tables.reduce((sum, each) => sum + each.rows, 0),
    differing: tables.reduce((sum, each) => sum + each.differing, 0),
  };
}
