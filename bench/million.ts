import type { VerifyReport, DatasetAudit } from '../src/engine/engine.js';
import { formGroup, succeeded, untilProven } from '../test/process/server-process.js';
import { createBenchGroup, peakMegabytesOf, processOf } from './bench-group.js';
import type { Figure } from './figure.js';
import { insertReadings } from './readings-table.js';

/** A million rows that were there before: adopted, sent as a snapshot to a new server, proven, audited. */
export async function benchMillion(): Promise<Figure[]> {
  const group = await createBenchGroup({ names: ['a', 'b'] });
  try {
    const [a, b] = group.servers;
    const [plain] = group.connections;
    if (!a || !b || !plain) return [];
    let plainMs = 0;
    for (let at = 0; at < 10; at++) plainMs += insertReadings(plain, at * 100_000 + 1, 100_000);
    const startedAt = performance.now();
    await formGroup([a, b]);
    await untilProven([a, b], 300_000);
    const ms = performance.now() - startedAt;
    const peaks = [a, b].map((server) => peakMegabytesOf(processOf(server)));
    const report = JSON.parse(succeeded(a.usync('--json', 'verify', '--audit')).stdout) as VerifyReport & {
      audits: DatasetAudit[];
    };
    const megabytes = (name: string, value: number): Figure => ({
      name,
      value,
      unit: 'MB',
      baseline: null,
      goal: { kind: 'at most', value: 300 },
    });
    return [
      {
        name: 'a million rows: adopt, snapshot to a new server, prove',
        value: ms,
        unit: 'ms',
        baseline: plainMs,
        goal: null,
      },
      megabytes('peak memory of the server that adopts and sends', peaks[0] ?? 0),
      megabytes('peak memory of the server that receives', peaks[1] ?? 0),
      {
        name: 'a million rows proven equal by digests',
        value: report.tookMs,
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 500 },
      },
      {
        name: 'a million rows audited by content, CPU',
        value: report.audits.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 3000 },
      },
    ];
  } finally {
    await group.clear();
  }
}
