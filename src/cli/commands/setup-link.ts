import { join } from 'node:path';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.js';

export function addSetupLinkCommand(program: Command, context: CommandContext): void {
  program
    .command('setup-link')
    .description('a link that works once, to set up the first user of the page or to get back in')
    .addHelpText(
      'after',
      '\nWhoever opens it within a day makes an admin: a new one, or, under the name of a user that exists, that one with a\nnew password. Links that were made before are void.',
    )
    .action(async () => {
      const [{ makeSetupToken, setupFolder, setupLink, urlFile }, { defaultHttpPort }, files, { createRealSystem }] =
        await Promise.all([
          import('../../http/access/setup-link.js'),
          import('../../http/listen.js'),
          import('../../system/disk-data-files.js'),
          import('../../system/real-system.js'),
        ]);
      const { config } = await context.config();
      const system = createRealSystem();
      const folder = await files.openDiskDataFiles(join(config.dataFolder, setupFolder), system);
      const secret = await makeSetupToken(folder, system);
      // The running server tells where it listens: its port may be a free one.
      const url =
        (await folder.read(urlFile)) ??
        `${config.http.certificate === undefined ? 'http' : 'https'}://127.0.0.1:${config.http.port ?? defaultHttpPort}`;
      const link = setupLink(url, secret);
      context.terminal().print(link);
      context.terminal().result({ link });
    });
}
