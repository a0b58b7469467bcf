import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import type { EmailConfig } from '../../config/config.js';
import { isLoopbackHost } from '../known-hosts.js';
import { mailSubject, mailText, type AlertMessage } from './alert-message.js';

/**
 * Rejects when the server did not take it; resolves with what it said of recipients that it refused while it took the
 * mail for others, else with null. A certificate is checked wherever one is shown; a password goes over the
 * network only encrypted, so who takes STARTTLS out of the greeting gets none.
 */
export async function sendMail(email: EmailConfig, message: AlertMessage, timeoutMs: number): Promise<string | null> {
  const { server, from, to, user, passwordFile } = email;
  const { protocol, hostname, port } = new URL(server);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const isSecure = protocol === 'smtps:';
  const transport = createTransport({
    host,
    port: port === '' ? (isSecure ? 465 : 587) : Number(port),
    secure: isSecure,
    requireTLS: user !== undefined && !isLoopbackHost(host),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    ...(user !== undefined && {
      auth: { user, pass: passwordFile === undefined ? '' : (await readFile(passwordFile, 'utf8')).trim() },
    }),
  });
  try {
    const { rejectedErrors } = await transport.sendMail({
      from,
      to: [...to],
      subject: mailSubject(message),
      text: mailText(message),
    });
    return rejectedErrors?.map(({ message: why }) => why).join(' ') || null;
  } finally {
    transport.close();
  }
}
