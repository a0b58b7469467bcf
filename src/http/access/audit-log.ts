import { createHash } from 'node:crypto';
import { appendFile, chmod } from 'node:fs/promises';
import type { DataFiles } from '../../system/data-files.js';
import { auditEntriesMax } from '../http-limits.js';

/** One thing that a person or a program did. `hash` covers this entry and the hash before it. */
export interface AuditRecord {
  readonly sequence: number;
  readonly atMs: number;
  readonly who: string;
  readonly address: string;
  readonly action: string;
  readonly subject: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly detail: string;
  readonly hash: string;
}

export interface AuditLog {
  add(entry: Omit<AuditRecord, 'sequence' | 'hash'>): Promise<void>;
  /** Oldest first. */
  read(): readonly AuditRecord[];
  /** False when an entry was changed or taken out since it was written. */
  isIntact(): boolean;
}

const fileName = 'audit.jsonl';

export async function openAuditLog(files: DataFiles): Promise<AuditLog> {
  let entries = parsed(await files.read(fileName));
  let last: Promise<void> = Promise.resolve();
  let isIntact: boolean | null = null;
  const append = async (record: AuditRecord): Promise<void> => {
    const path = files.path(fileName);
    await appendFile(path, `${JSON.stringify(record)}\n`, { mode: 0o600, flush: true });
    await chmod(path, 0o600);
  };
  return {
    add(entry) {
      const before = entries.at(-1);
      const plain = { sequence: (before?.sequence ?? 0) + 1, ...entry };
      const record = { ...plain, hash: hashOf(before?.hash ?? '', plain) };
      entries.push(record);
      const isFull = entries.length >= auditEntriesMax * 2;
      if (isFull) entries = entries.slice(-auditEntriesMax);
      const text = isFull ? entries.map((each) => `${JSON.stringify(each)}\n`).join('') : '';
      last = last.catch(() => undefined).then(() => (isFull ? files.write(fileName, text) : append(record)));
      return last;
    },
    read: () => entries,
    // What was added since by this process fits.
    isIntact: () => (isIntact ??= isChain(entries)),
  };
}

/** The oldest kept entry stands for those before it; the first one of all has none before it. */
function isChain(entries: readonly AuditRecord[]): boolean {
  return entries.every(({ hash, ...plain }, index) => {
    const before = entries[index - 1];
    if (before === undefined) return plain.sequence !== 1 || hash === hashOf('', plain);
    return plain.sequence === before.sequence + 1 && hash === hashOf(before.hash, plain);
  });
}

function hashOf(before: string, entry: Omit<AuditRecord, 'hash'>): string {
  const { sequence, atMs, who, address, action, subject, outcome, detail } = entry;
  const text = JSON.stringify([before, sequence, atMs, who, address, action, subject, outcome, detail]);
  return createHash('sha256').update(text).digest('base64url');
}

/** A line that a crash cut off is left out; the chain then shows that something is missing only if more follows. */
function parsed(text: string | null): AuditRecord[] {
  return (text ?? '').split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as AuditRecord];
    } catch {
      return [];
    }
  });
}
