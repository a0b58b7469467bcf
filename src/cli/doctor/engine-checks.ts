import type { EngineStatus } from '../../engine/engine-status.js';
import { durationText, printable } from '../terminal.js';
import { fail, ok, warn, type Finding } from './finding.js';

const clockOffsetMsMax = 2000;

/** Found in the database itself, whether the engine runs or not. */
const saidByDatabaseChecks: ReadonlySet<string> = new Set(['USYNC-1300', 'USYNC-1304']);

/** What the running engine knows: problems, peers, clocks, self-tests. */
export function engineChecks(status: EngineStatus | null): Finding[] {
  if (!status) return [warn('engine', 'does not run', 'Start it with "usync run".')];
  const findings = [ok('engine', `runs since ${new Date(status.server.startedAtMs).toISOString()}`)];
  for (const problem of status.problems) {
    if (saidByDatabaseChecks.has(problem.code)) continue;
    const make = problem.level === 'error' ? fail : warn;
    findings.push(
      make(printable(problem.subject), `${printable(problem.reason)} (${problem.code})`, printable(problem.nextStep)),
    );
  }
  for (const { name, selfTest } of status.datasets) {
    if (selfTest.kind === 'failed')
      findings.push(
        fail(
          `dataset ${printable(name)}`,
          `writes are not captured: ${printable(selfTest.reason)}`,
          'Restart the engine; if it stays, report the log.',
        ),
      );
    else
      findings.push(
        ok(`dataset ${printable(name)}`, selfTest.kind === 'passed' ? 'a test write was captured' : 'not tested yet'),
      );
  }
  return [
    ...findings,
    ...status.peers.flatMap(({ name, clockOffsetMs }) => clockCheck(printable(name), clockOffsetMs)),
  ];
}

function clockCheck(name: string, offsetMs: number | null): Finding[] {
  if (offsetMs === null) return [];
  const subject = `clock of ${name}`;
  if (Math.abs(offsetMs) <= clockOffsetMsMax) return [ok(subject, `differs by ${durationText(Math.abs(offsetMs))}`)];
  const direction = offsetMs > 0 ? 'ahead of' : 'behind';
  return [
    warn(
      subject,
      `${durationText(Math.abs(offsetMs))} ${direction} this one`,
      'Switch on network time on both: of two edits, the one with the later clock wins.',
    ),
  ];
}
