import { StateWord } from '../parts/state-word.js';
import { addressOf } from '../api/routes.js';
import { bytesText } from '../words/count-text.js';
import type { FileChange } from '../words/file-changes.js';
import type { StateWords } from '../words/tone.js';
import { pathTo } from '../state/route.js';
import { visible } from '../words/visible.js';

const kindWords: Readonly<Record<FileChange['kind'], StateWords>> = {
  added: { tone: 'ok', word: 'added' },
  changed: { tone: 'busy', word: 'changed' },
  deleted: { tone: 'bad', word: 'deleted' },
  attributes: { tone: 'idle', word: 'time or mode' },
};

export interface FileChangeLineProps {
  readonly dataset: string;
  readonly file: FileChange;
}

/** One file of a change, with its sizes, its content and what it replaced. */
export function FileChangeLine({ dataset, file }: FileChangeLineProps) {
  const { path, kind, sizeBefore, sizeNow } = file;
  return (
    <li class="change">
      <div class="line-head">
        <StateWord {...kindWords[kind]} />
        <span class="mono">{visible(path)}</span>
        <span class="muted small figure">{sizesText(sizeBefore, sizeNow)}</span>
        {kind === 'deleted' ? null : (
          <a class="small" href={addressOf('fileContent', { dataset }, { path })} download aria-label={`Get ${path}`}>
            Get
          </a>
        )}
        <a class="small" href={pathTo(['files', dataset], { history: path })} aria-label={`History of ${path}`}>
          History
        </a>
      </div>
    </li>
  );
}

function sizesText(before: number | null, now: number | null): string {
  if (before !== null && now !== null) return `${bytesText(before)} before, ${bytesText(now)} now`;
  const size = before ?? now;
  return size === null ? '' : bytesText(size);
}
