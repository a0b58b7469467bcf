import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** For the option `skip` of a test: why it cannot run here, or false. */
export const skipWithoutOpenssl =
  spawnSync('openssl', ['version']).status === 0 ? false : 'no openssl on this machine makes the certificate';

export interface TestCertificate {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate that signs itself, for these addresses. */
export function makeCertificate(folder: string, addresses: readonly string[]): TestCertificate {
  const [certificatePath, keyPath] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
      ...['-subj', '/CN=test', '-addext', `subjectAltName=${addresses.map((each) => `IP:${each}`).join(',')}`],
      ...['-keyout', keyPath, '-out', certificatePath],
    ],
    { stdio: 'ignore' },
  );
  return { certificatePath, keyPath, cert: readFileSync(certificatePath), key: readFileSync(keyPath) };
}
