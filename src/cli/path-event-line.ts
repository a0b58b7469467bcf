import type { PathEvent, PathState } from '../engine/decisions.js';
import { bytesText, printable } from './terminal.js';

/** One thing that happened to a path of a folder, for people. */
export function pathEventLine(event: PathEvent): string {
  const { atMs, by, entry, path } = event;
  const name = printable(entry === 'file' ? path : `the ${entry} ${path}`);
  const details = detailsOf(event);
  return `${new Date(atMs).toISOString()}  ${printable(by)} ${saidOf(event, name)}${details === '' ? '' : ` (${details})`}`;
}

function saidOf({ kind, from, now }: PathEvent, name: string): string {
  switch (kind) {
    case 'moved':
      return `moved ${printable(from ?? '')} to ${name}`;
    case 'conflict':
      return `lost the name ${printable(from ?? '')} to an edit of the same time: its own stands as ${name}`;
    case 'attributes':
      return `changed the ${now?.mode === undefined ? 'time' : 'mode'} of ${name}`;
    default:
      return `${kind} ${name}`;
  }
}

function detailsOf({ kind, entry, before, now }: PathEvent): string {
  const size = kind === 'attributes' || entry !== 'file' ? '' : fromTo(before?.size, now?.size, bytesText);
  // Of an entry that goes on as it is only what is new is told.
  const mode =
    isSame(before, now) || now === null || kind === 'conflict' ? '' : fromTo(before?.mode, now.mode, modeText);
  const isTimeTold = entry === 'file' && kind !== 'conflict' && kind !== 'moved' && now?.modifiedMs !== undefined;
  const time = isTimeTold ? `modified ${new Date(now.modifiedMs).toISOString()}` : '';
  return [size, mode, time].filter((each) => each !== '').join(', ');
}

const isSame = (before: PathState | null, now: PathState | null): boolean =>
  now?.mode === undefined || before?.mode === now.mode;

/** As `ls` and `chmod` have it; 0 is that of a system without modes. */
const modeText = (mode: number): string => (mode === 0 ? '' : `mode ${mode.toString(8).padStart(3, '0')}`);

function fromTo(before: number | undefined, now: number | undefined, text: (value: number) => string): string {
  const [old, current] = [before, now].map((value) => (value === undefined ? '' : text(value)));
  if (old === undefined || current === undefined || old === '' || current === '' || old === current)
    return current === undefined || current === '' ? (old ?? '') : current;
  return `${old} before, ${current} now`;
}
