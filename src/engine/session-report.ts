import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import type { EventDetail, ObservedEvent } from '../observe/event.js';
import type { SessionReport } from '../protocol/session-event.js';

export interface ReportedEvent {
  readonly level: ObservedEvent['level'];
  readonly detail: EventDetail;
}

/** What of a session's reports people should see; null for the others. */
export function reportToEvent(report: SessionReport, peer: string): ReportedEvent | null {
  switch (report.kind) {
    case 'merged': {
      const { dataset, merged, rows } = report;
      if (merged === 0) return null;
      return { level: 'debug', detail: { kind: 'merged', dataset, peer, changesets: merged, rows } };
    }
    case 'snapshot-merged':
    case 'snapshot-sent':
      return { level: 'info', detail: { ...report, peer } };
    case 'proven':
      return { level: 'debug', detail: { kind: 'proven', dataset: report.dataset, peer, rows: report.rows } };
    case 'proof-failed':
      return { level: 'error', detail: { ...report, peer } };
    case 'went-back': {
      const text = `${report.origin}: peers hold changes of this server that its database lacks`;
      return { level: 'warn', detail: notice(report.dataset, 'USYNC-1600', text) };
    }
    case 'fork': {
      const text = `two histories of ${report.origin}; the younger branch gets a name of its own`;
      return { level: 'warn', detail: notice(report.dataset, 'USYNC-1601', text) };
    }
    case 'paused': {
      const { code, text, retryInMs, count } = report;
      const known: ErrorCode = code in errorCatalogue ? (code as ErrorCode) : 'USYNC-1000';
      const loop = `sync ${report.dataset} with ${peer}`;
      const { nextStep } = errorCatalogue[known];
      return {
        level: 'error',
        detail: { kind: 'loop-failed', loop, code: known, message: text, nextStep, count, retryInMs },
      };
    }
    case 'resumed': {
      const loop = `sync ${report.dataset} with ${peer}`;
      return { level: 'info', detail: { kind: 'loop-recovered', loop, afterCount: report.count } };
    }
    case 'opened':
    case 'peer-waits':
    case 'acked':
    case 'origin-changed':
    case 'answered':
      return null;
  }
}

const notice = (dataset: string, code: ErrorCode, text: string): EventDetail => ({
  kind: 'dataset-notice',
  dataset,
  code,
  text,
});
