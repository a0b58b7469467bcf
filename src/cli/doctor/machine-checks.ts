import { existsSync, readFileSync, statSync, statfsSync } from 'node:fs';
import type { Config } from '../../config/config.js';
import { errorMessageOf } from '../../core/sync-error.js';
import { loadSqliteModule } from '../../databases/sqlite/connection/sqlite-module.js';
import { bytesText } from '../terminal.js';
import { fail, ok, warn, type Finding } from './finding.js';

const diskBytesMin = 200_000_000;

/** The machine: versions, disk, watches, the data folder. */
export function machineChecks(config: Config): Finding[] {
  return [nodeCheck(), driverCheck(), diskCheck(config), ...dataFolderChecks(config.dataFolder), ...watchCheck()];
}

function nodeCheck(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    return fail('Node.js', `version ${process.versions.node}`, 'Install Node.js 24 or newer.');
  if (major < 22)
    return warn(
      'Node.js',
      `version ${process.versions.node} gets no security updates any more`,
      'Install Node.js 24 or newer when you can.',
    );
  return ok('Node.js', `version ${process.versions.node}`);
}

function driverCheck(): Finding {
  try {
    return ok('SQLite driver', loadSqliteModule().name);
  } catch (error) {
    return fail('SQLite driver', errorMessageOf(error), 'Reinstall the package, or use Node.js 24 or newer.');
  }
}

function diskCheck(config: Config): Finding {
  const place = existsSync(config.dataFolder) ? config.dataFolder : process.cwd();
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  return free < diskBytesMin
    ? fail('disk', `${bytesText(free)} free`, 'Free some space: journals and databases cannot grow.')
    : ok('disk', `${bytesText(free)} free`);
}

/** Keys and state belong to their owner only; a folder that others cannot enter protects what is in it. */
function dataFolderChecks(folder: string): Finding[] {
  if (!existsSync(folder)) return [ok('data folder', 'not made yet; "usync run" makes it')];
  if ((statSync(folder).mode & 0o077) === 0) return [ok('data folder', 'open to its owner only')];
  return [warn('data folder', `others can look into ${folder}`, `Run: chmod 700 ${folder}`)];
}

/** Without watches changes are found by polling only, which is slower. Linux only. */
function watchCheck(): Finding[] {
  const setting = '/proc/sys/fs/inotify/max_user_watches';
  if (!existsSync(setting)) return [];
  const limit = Number(readFileSync(setting, 'utf8'));
  return [
    limit < 8192
      ? warn('file watches', `the limit is ${limit}`, 'Run: sysctl fs.inotify.max_user_watches=65536')
      : ok('file watches', `the limit is ${limit}`),
  ];
}
