import type { FolderCalls } from '../databases/folder-calls.js';
import type { PathEvent, PathHistory, PathQuery } from './decisions.js';
import type { ChangesQuery, ChangesReport } from './page-calls.js';
import { entryChange, pathEvents, type EntryChange, type FoundEvent } from './path-events.js';

export interface PathHistorySources {
  readonly folder: FolderCalls;
  readonly changes: (request: ChangesQuery) => Promise<ChangesReport>;
}

const pageMax = 5_000;
/** What is older than so many pages is told to be beyond what was looked through. */
const pagesMax = 40;
const keptMax = 10_000;

/** What happened to a path of a folder, or to any, as far back as the journal goes: page by page, so that others have their turn. */
export async function pathHistory(
  { folder, changes }: PathHistorySources,
  { dataset, path: given, max }: PathQuery,
): Promise<PathHistory> {
  const path = given === undefined ? null : plainPath(given);
  const { found, isWhole } = await readChanges(changes, { dataset, path, max });
  const events = follow(pathEvents(found), path);
  const kept = new Map(
    (await folder.history({ max: keptMax }))
      .toReversed()
      .map((record) => [`${record.path}\n${record.version}`, record.id]),
  );
  return {
    ...{ dataset, path },
    isWhole: isWhole && events.length <= max && events.every(({ event }) => isBeforeKnown(event)),
    events: events.slice(0, max).map(({ event, lost }): PathEvent => ({
      ...event,
      keptAs: lost === null ? null : (kept.get(`${lost.path}\n${lost.version}`) ?? null),
    })),
  };
}

/** What it took away came with a snapshot, or the journal no longer goes back to it. */
const isBeforeKnown = ({ kind, entry, before }: FoundEvent['event']): boolean =>
  kind === 'added' || kind === 'conflict' || entry === 'folder' || before?.size !== undefined;

/** As a person types it who stands in the folder. */
const plainPath = (path: string): string | null => {
  const plain = path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  return plain === '' || plain === '.' ? null : plain;
};

const isAtOrBelow = (path: string, wanted: string): boolean => path === wanted || path.startsWith(`${wanted}/`);

interface Wanted {
  readonly dataset: string;
  readonly path: string | null;
  readonly max: number;
}

/** Until there is more than was asked for. A changeset that was read in part is left out: half a move is a deletion. */
async function readChanges(
  changes: PathHistorySources['changes'],
  { dataset, path, max }: Wanted,
): Promise<{ readonly found: readonly EntryChange[]; readonly isWhole: boolean }> {
  const found: EntryChange[] = [];
  const seen = new Set<string>();
  let before: string | null = null;
  for (let page = 0; page < pagesMax; page++) {
    const report: ChangesReport = await changes({ dataset, max: pageMax, ...(before !== null && { before }) });
    for (const change of report.changes.flatMap((each) => entryChange(each) ?? [])) {
      found.push(change);
      if (path === null || isAtOrBelow(change.path, path)) seen.add(`${change.changeset} ${change.path}`);
    }
    before = report.next;
    if (before === null) return { found, isWhole: report.isWhole };
    const cut = found.at(-1)?.changeset;
    if ([...seen].filter((each) => !each.startsWith(`${cut} `)).length > max) break;
  }
  const cut = found.at(-1)?.changeset;
  return { found: found.filter(({ changeset }) => changeset !== cut), isWhole: false };
}

/** Of what was moved to the path, also what happened before under its earlier name. */
function follow(events: readonly FoundEvent[], path: string | null): readonly FoundEvent[] {
  if (path === null) return events;
  const earlier = new Set<string>();
  return events.filter(({ event }) => {
    const isAt = (at: string | null): boolean => at !== null && (isAtOrBelow(at, path) || earlier.has(at));
    const isOfPath = isAt(event.path);
    if (isOfPath && event.kind === 'moved' && event.from !== null) earlier.add(event.from);
    return isOfPath || isAt(event.from);
  });
}
