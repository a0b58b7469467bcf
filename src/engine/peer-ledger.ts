import { isServerId, type ServerId } from '../core/origin.js';
import type { DataFiles } from '../system/data-files.js';
import type { Refusal } from './status-facts.js';

/** What is remembered of each peer for people: since when, last contact, last acknowledgement, newest proofs. Survives restarts. */
export interface PeerLedger {
  of(peer: ServerId): PeerRecord;
  linked(peer: ServerId, nowMs: number): void;
  lost(peer: ServerId, nowMs: number): void;
  acked(peer: ServerId, nowMs: number): void;
  proven(peer: ServerId, proof: { readonly dataset: string; readonly atMs: number; readonly rows: number }): void;
  refused(peer: ServerId, refusal: Refusal): void;
  save(): Promise<void>;
}

export interface PeerRecord {
  /** Since when it is linked, or not. */
  readonly sinceMs: number;
  readonly lastContactMs: number | null;
  readonly lastAckMs: number | null;
  readonly proofs: Readonly<Record<string, { readonly atMs: number; readonly rows: number }>>;
  /** Cleared by the next link. */
  readonly refusal: Refusal | null;
}

const fileName = 'peers.json';

export async function openPeerLedger(files: DataFiles, nowMs: number): Promise<PeerLedger> {
  const records = parsed(await files.read(fileName), nowMs);
  let isDirty = false;
  const of = (peer: ServerId): PeerRecord => records.get(peer) ?? { ...emptyRecord, sinceMs: nowMs };
  const change = (peer: ServerId, changes: Partial<PeerRecord>): void => {
    records.set(peer, { ...of(peer), ...changes });
    isDirty = true;
  };
  return {
    of,
    linked: (peer, atMs) => {
      const { refusal } = of(peer);
      // That a clone runs stays true while this one is let in again.
      change(peer, { sinceMs: atMs, lastContactMs: atMs, refusal: refusal?.code === 'USYNC-1404' ? refusal : null });
    },
    lost: (peer, atMs) => change(peer, { sinceMs: atMs, lastContactMs: atMs }),
    acked: (peer, atMs) => change(peer, { lastAckMs: atMs }),
    proven: (peer, { dataset, atMs, rows }) =>
      change(peer, { proofs: { ...of(peer).proofs, [dataset]: { atMs, rows } } }),
    refused: (peer, refusal) => change(peer, { refusal }),
    async save() {
      if (!isDirty) return;
      isDirty = false;
      try {
        await files.write(fileName, JSON.stringify(Object.fromEntries(records)));
      } catch (error) {
        isDirty = true;
        throw error;
      }
    },
  };
}

const emptyRecord = { lastContactMs: null, lastAckMs: null, proofs: {}, refusal: null } as const;

/** What is damaged is forgotten: it is for people only. At the start no peer is linked, since now. */
function parsed(text: string | null, nowMs: number): Map<ServerId, PeerRecord> {
  const records = new Map<ServerId, PeerRecord>();
  try {
    const value = JSON.parse(text ?? '{}') as Record<string, Partial<PeerRecord>>;
    for (const [id, record] of Object.entries(value))
      if (isServerId(id))
        records.set(id, { ...emptyRecord, ...record, refusal: null, sinceMs: record.lastContactMs ?? nowMs });
  } catch {
    records.clear();
  }
  return records;
}
