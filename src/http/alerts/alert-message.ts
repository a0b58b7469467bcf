import type { Problem } from '../../observe/problem.js';
import { isoTime } from '../iso-time.js';

/** What people outside are told; a webhook gets it as JSON. */
export interface AlertMessage {
  readonly kind: 'begun' | 'ended' | 'test';
  readonly server: string;
  readonly at: string;
  readonly code: string;
  readonly subject: string;
  readonly reason: string;
  readonly next_step: string;
}

export const alertMessage = (
  kind: AlertMessage['kind'],
  { code, subject, reason, nextStep }: Problem,
  { server, atMs }: { readonly server: string; readonly atMs: number },
): AlertMessage => ({ kind, server, at: isoTime(atMs), code, subject, reason, next_step: nextStep });

const words = { begun: 'problem', ended: 'solved', test: 'test' } as const;

/** Names come from other people's data: a line end would begin another header. */
export const mailSubject = ({ kind, server, subject }: AlertMessage): string =>
  `[usync ${server}] ${words[kind]}: ${subject}`.replaceAll(/\p{Cc}/gu, ' ').slice(0, 200);

export const mailText = ({ kind, server, at, code, subject, reason, next_step }: AlertMessage): string =>
  [
    kind === 'ended' ? `This has ended on server ${server}:` : `On server ${server}:`,
    '',
    `${subject}: ${reason}`,
    ...(kind === 'ended' ? [] : [next_step]),
    '',
    `${code}, ${at}`,
    '',
  ].join('\n');
