import type { ErrorCode } from '../core/error-catalogue.js';

/** The one list of what can be reported. Log lines, metrics and the activity feed are renderings of these. */
export type ObservedEvent = EventDetail & {
  readonly atMs: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
};

export type EventDetail =
  | { readonly kind: 'engine-started'; readonly server: string; readonly version: string; readonly listen: string }
  | { readonly kind: 'engine-stopped'; readonly reason: string }
  | { readonly kind: 'dataset-opened'; readonly dataset: string; readonly tables: number | null; readonly rows: number }
  | { readonly kind: 'dataset-notice'; readonly dataset: string; readonly code: string; readonly text: string }
  | { readonly kind: 'captured'; readonly dataset: string; readonly changesets: number; readonly rows: number }
  | {
      readonly kind: 'merged';
      readonly dataset: string;
      readonly peer: string;
      readonly changesets: number;
      readonly rows: number;
    }
  | { readonly kind: 'snapshot-sent'; readonly dataset: string; readonly peer: string; readonly rows: number }
  | { readonly kind: 'snapshot-merged'; readonly dataset: string; readonly peer: string; readonly rows: number }
  | { readonly kind: 'conflicts'; readonly dataset: string; readonly count: number }
  | { readonly kind: 'quarantined'; readonly dataset: string; readonly count: number }
  | { readonly kind: 'schema-changed'; readonly dataset: string }
  | { readonly kind: 'schema-grown'; readonly dataset: string; readonly what: string }
  | { readonly kind: 'schema-not-grown'; readonly dataset: string; readonly why: string }
  | { readonly kind: 'proven'; readonly dataset: string; readonly peer: string; readonly rows: number }
  | {
      readonly kind: 'proof-failed';
      readonly dataset: string;
      readonly peer: string;
      readonly tables: readonly string[];
    }
  | { readonly kind: 'epoch-changed'; readonly dataset: string; readonly origin: string; readonly reason: string }
  | { readonly kind: 'peer-connected'; readonly peer: string; readonly address: string }
  | { readonly kind: 'peer-lost'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'peer-refused'; readonly peer: string; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: 'server-joined'; readonly peer: string }
  | { readonly kind: 'server-removed'; readonly peer: string }
  | {
      readonly kind: 'loop-failed';
      readonly loop: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly nextStep: string;
      readonly count: number;
      readonly retryInMs: number;
    }
  | { readonly kind: 'loop-recovered'; readonly loop: string; readonly afterCount: number };

/** Where events go. Never throws and never blocks: telemetry cannot fail the operation that it tells of. */
export type Observe = (level: ObservedEvent['level'], event: EventDetail) => void;
