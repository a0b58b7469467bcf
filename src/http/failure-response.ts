import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import type { Failure } from './contract/shared-schemas.js';

const statusByCode: Partial<Record<ErrorCode, number>> = {
  'USYNC-1002': 503,
  'USYNC-1103': 400,
  'USYNC-1201': 503,
  'USYNC-1207': 507,
  'USYNC-1400': 409,
  'USYNC-1401': 409,
  'USYNC-1402': 409,
  'USYNC-1403': 409,
  'USYNC-1405': 409,
  'USYNC-1406': 409,
  'USYNC-1407': 404,
  'USYNC-1410': 409,
  'USYNC-1506': 503,
  'USYNC-1507': 409,
  'USYNC-1704': 404,
  'USYNC-1800': 404,
  'USYNC-1801': 409,
  'USYNC-1802': 404,
  'USYNC-1803': 409,
  'USYNC-1900': 401,
  'USYNC-1901': 401,
  'USYNC-1902': 403,
  'USYNC-1903': 401,
  'USYNC-1904': 429,
  'USYNC-1905': 403,
  'USYNC-1906': 421,
  'USYNC-1907': 400,
  'USYNC-1908': 404,
  'USYNC-1909': 410,
  'USYNC-1911': 413,
  'USYNC-1912': 403,
  'USYNC-1913': 409,
};

const statusOf = (error: unknown): number => statusByCode[errorCodeOf(error)] ?? 500;

export function failureResponse(error: unknown): Response {
  const code = errorCodeOf(error);
  const isKnown = error instanceof SyncError;
  const field = isKnown ? error.facts['field'] : undefined;
  const body: Failure = {
    error: errorMessageOf(error),
    code,
    next_step: isKnown ? error.nextStep : errorCatalogue[code].nextStep,
    ...(typeof field === 'string' && { field }),
  };
  const headers = new Headers({ 'content-type': 'application/json; charset=utf-8' });
  const waitMs = isKnown ? error.facts['waitMs'] : undefined;
  if (code === 'USYNC-1904')
    headers.set('retry-after', String(Math.ceil((typeof waitMs === 'number' ? waitMs : 1_000) / 1_000)));
  if (code === 'USYNC-1900') headers.set('www-authenticate', 'Bearer realm="usync"');
  return new Response(JSON.stringify(body), { status: statusOf(error), headers });
}
