import type { ErrorCode } from '../core/error-catalogue.js';
import { errorCodeOf } from '../core/sync-error.js';

/** Documented in docs/cli.md; scripts rely on them. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notInSync: 3,
  noEngine: 4,
  needsDecision: 5,
  mismatch: 6,
  notTrusted: 7,
  interrupted: 130,
} as const;

const exitCodeByErrorCode: Partial<Record<ErrorCode, number>> = {
  'USYNC-1100': exitCodes.usage,
  'USYNC-1101': exitCodes.usage,
  'USYNC-1103': exitCodes.usage,
  'USYNC-1400': exitCodes.notTrusted,
  'USYNC-1401': exitCodes.notTrusted,
  'USYNC-1402': exitCodes.notTrusted,
  'USYNC-1406': exitCodes.needsDecision,
  'USYNC-1506': exitCodes.noEngine,
};

export const exitCodeOf = (error: unknown): number => exitCodeByErrorCode[errorCodeOf(error)] ?? exitCodes.failure;
