import { readFileSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { percentile, type Figure } from './figure.js';
import { createUsyncPair, untilTrue, type FolderPair } from './folder-pair.js';
import { writeSmallFiles } from './random-files.js';
import { createSyncthingPair, isInstalled } from './syncthing-pair.js';

const files = 1000;
const edits = 200;
const editsOfOthers = 20;

/** Small edits in place, one after the other, from the end of the write until the peer's file has the new content. */
export async function benchEdit(): Promise<Figure[]> {
  const ours = await editTimes(await createUsyncPair(), edits);
  const figures: Figure[] = [
    editFigure('a small edit visible at the peer, p50', percentile(ours, 0.5), 150),
    editFigure('a small edit visible at the peer, p99', percentile(ours, 0.99), 500),
  ];
  if (!isInstalled('syncthing')) {
    process.stderr.write('folders-edit: syncthing is not installed, so nothing is compared with it\n');
    return figures;
  }
  const theirs = await editTimes(await createSyncthingPair(), editsOfOthers);
  return [
    ...figures,
    editFigure('the same with Syncthing, watching with a delay of 1 s, p50', percentile(theirs, 0.5)),
  ];
}

const editFigure = (name: string, value: number, goal?: number): Figure => ({
  name,
  value,
  unit: 'ms',
  baseline: null,
  goal: goal === undefined ? null : { kind: 'at most', value: goal },
});

async function editTimes(pair: FolderPair, count: number): Promise<number[]> {
  try {
    writeSmallFiles(join(pair.beside, 'tree'), files, 1024);
    renameSync(join(pair.beside, 'tree'), join(pair.source, 'tree'));
    void pair.told();
    const last = join('tree', `folder-${files / 100 - 1}`, `file-${files - 1}.bin`);
    await untilTrue(performance.now(), 60_000, () => contentAt(join(pair.target, last)) !== '');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const times: number[] = [];
    for (let edit = 0; edit < count; edit++) {
      const at = (edit * 37) % files;
      const path = join('tree', `folder-${Math.floor(at / 100)}`, `file-${at}.bin`);
      const content = `edit ${edit} ${'of a small file '.repeat(20)}`;
      writeFileSync(join(pair.source, path), content);
      const startedAt = performance.now();
      times.push(await untilTrue(startedAt, 60_000, () => contentAt(join(pair.target, path)) === content, 1));
      await new Promise((resolve) => setTimeout(resolve, 20 + ((edit * 53) % 100)));
    }
    return times;
  } finally {
    await pair.clear();
  }
}

function contentAt(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
