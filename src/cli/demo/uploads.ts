/** The folder of the sample application: what its users upload. Every file is made here, the same at every run. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Name of the folder, and of its dataset. */
export const uploadsName = 'uploads';

const photo = (team: number, kind: string): string => {
  const hue = (team * 37) % 360;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240">
<rect width="320" height="240" fill="hsl(${hue} 45% 82%)"/>
<rect x="60" y="90" width="200" height="80" rx="12" fill="hsl(${hue} 60% 40%)"/>
<circle cx="100" cy="180" r="24"/><circle cx="220" cy="180" r="24"/>
<text x="160" y="140" text-anchor="middle" font-size="36" fill="white">${team} ${kind}</text>
</svg>
`;
};

/** Fills a new folder: a photo of twenty robots and the plan of the day. */
export function createUploads(folder: string): void {
  mkdirSync(join(folder, 'robots'), { recursive: true });
  for (let at = 0; at < 20; at++) {
    const team = 100 + at * 17;
    writeFileSync(join(folder, 'robots', `${team}.svg`), photo(team, 'front'));
  }
  writeFileSync(join(folder, 'plan.txt'), 'Pit opens at 8.\n');
}

export function addPhoto(folder: string): void {
  writeFileSync(join(folder, 'robots', '202 intake.svg'), photo(202, 'intake'));
}

export function renameRobots(folder: string): void {
  renameSync(join(folder, 'robots'), join(folder, 'robots 2026'));
}

export function editPlan(folder: string, line: string): void {
  writeFileSync(join(folder, 'plan.txt'), `Pit opens at 8.\n${line}\n`);
}

/** Conflict copies that stand in the folder, as anyone sees them. */
export const conflictCopies = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.includes(' (conflict, '));

export interface TreeHash {
  readonly files: number;
  readonly hash: string;
}

/** SHA-256 over every name and every byte below a folder: no code of the sync engine takes part. */
export function hashTree(folder: string): TreeHash {
  const hash = createHash('sha256');
  let files = 0;
  const walk = (path: string): void => {
    const found = readdirSync(join(folder, path), { withFileTypes: true });
    for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = join(path, entry.name);
      if (inner === '.usync-folder') continue;
      hash.update(`${inner}\n`);
      if (entry.isDirectory()) walk(inner);
      else {
        files++;
        hash.update(entry.isSymbolicLink() ? readlinkSync(join(folder, inner)) : readFileSync(join(folder, inner)));
      }
    }
  };
  walk('');
  return { files, hash: hash.digest('hex') };
}
