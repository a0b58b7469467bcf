import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadedConfig } from '../config/load-config.js';
import type { Engine } from '../engine/engine.js';
import { readAssets } from '../http/assets.js';
import { setupFolder } from '../http/access/setup-link.js';
import { startHttpServer, type HttpServer, type HttpServerOptions } from '../http/http-server.js';
import { packageVersion } from '../package-version.js';
import { openDiskDataFiles } from '../system/disk-data-files.js';
import { createRealSystem } from '../system/real-system.js';
import { machineChecks } from './doctor/machine-checks.js';

/** Where `npm run build` puts the page. */
const assetsFolder = fileURLToPath(new URL('../../web', import.meta.url));

export interface PageServerOptions {
  readonly engine: Engine;
  readonly loaded: LoadedConfig;
  /** The configuration file; null for none. */
  readonly file: string | null;
  /** Called when the page is elsewhere than before. */
  readonly onListening?: HttpServerOptions['onListening'];
}

/** The page and the API of a running engine, with what they keep in the data folder. */
export async function startPageServer({ onListening, ...options }: PageServerOptions): Promise<HttpServer> {
  const system = createRealSystem();
  const { config } = options.loaded;
  const files = await openDiskDataFiles(join(config.dataFolder, 'http'), system);
  // Only the server of a running engine writes there; the folder of setup links has two that do.
  await files.removeLeftovers();
  return startHttpServer({
    ...options,
    ...(onListening && { onListening }),
    system,
    version: packageVersion(),
    files,
    setupFiles: await openDiskDataFiles(join(config.dataFolder, setupFolder), system),
    assets: await readAssets(assetsFolder),
    doctor: () =>
      machineChecks(config).map(({ level, subject, text, nextStep }) => ({
        level,
        subject,
        text,
        next_step: nextStep,
      })),
  });
}
