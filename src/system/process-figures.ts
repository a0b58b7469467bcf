import { monitorEventLoopDelay } from 'node:perf_hooks';
import { statfs } from 'node:fs/promises';

/** What the process and the machine tell of themselves. */
export interface ProcessFigures {
  read(): ProcessReading;
  disk(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | null>;
  close(): void;
}

export interface ProcessReading {
  readonly uptimeSeconds: number;
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
  /** The 99th percentile since the last reading. */
  readonly eventLoopLagMs: number;
}

/** Each look wakes the process, at rest too. */
const lagResolutionMs = 200;

export function openProcessFigures(): ProcessFigures {
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs });
  delay.enable();
  return {
    read() {
      const { user, system } = process.cpuUsage();
      // The monitor itself waits for its resolution.
      const lagMs = Math.max(0, delay.percentile(99) / 1e6 - lagResolutionMs);
      delay.reset();
      return {
        uptimeSeconds: process.uptime(),
        memoryBytes: process.memoryUsage.rss(),
        cpuSeconds: (user + system) / 1e6,
        eventLoopLagMs: Number.isFinite(lagMs) ? lagMs : 0,
      };
    },
    async disk(path) {
      try {
        const { bavail, bsize, blocks } = await statfs(path);
        return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
      } catch {
        return null;
      }
    },
    close: () => delay.disable(),
  };
}
