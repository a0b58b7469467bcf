/** A small SMTP server on loopback: takes mail as RFC 5321 says, refuses or keeps silent where it is told to. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface MailServerOptions {
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Asks for this user by AUTH PLAIN. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly refuses?: 'recipient' | 'content' | 'ben@pit.test';
  /** Accepts the connection and says nothing. */
  readonly isSilent?: boolean;
}

export interface MailServer {
  readonly port: number;
  readonly mails: readonly TakenMail[];
  /** Every line that came in clear, also of sessions that gave no mail. */
  readonly clearLines: readonly string[];
}

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
  readonly isEncrypted: boolean;
  readonly user: string | null;
}

export async function openMailServer(context: TestContext, options: MailServerOptions = {}): Promise<MailServer> {
  const mails: TakenMail[] = [];
  const clearLines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (options.isSilent) return;
    serve(socket, { options, mails, clearLines, isEncrypted: false });
    socket.write('220 mail.test ready\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, mails, clearLines };
}

interface Serving {
  readonly options: MailServerOptions;
  readonly mails: TakenMail[];
  readonly clearLines: string[];
  readonly isEncrypted: boolean;
}

function serve(socket: Socket, serving: Serving): void {
  const session: Session = { from: '', to: [], user: null, lines: null };
  let rest = '';
  socket.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!serving.isEncrypted) serving.clearLines.push(line);
      if (session.lines === null && /^STARTTLS$/i.test(line)) return encrypt(socket, serving);
      for (const answer of answersTo(line, session, serving)) socket.write(`${answer}\r\n`);
    }
  });
}

function encrypt(socket: Socket, serving: Serving): void {
  if (!serving.options.tls) return;
  socket.removeAllListeners('data');
  socket.write('220 go on\r\n');
  const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(serving.options.tls) });
  secure.on('error', () => undefined);
  serve(secure, { ...serving, isEncrypted: true });
}

interface Session {
  from: string;
  to: string[];
  user: string | null;
  /** Of the content, while it comes. */
  lines: string[] | null;
}

function answersTo(line: string, session: Session, { options, mails, isEncrypted }: Serving): string[] {
  if (session.lines !== null) {
    if (line !== '.') {
      session.lines.push(line.replace(/^\./, ''));
      return [];
    }
    const { from, to, user, lines } = session;
    session.lines = null;
    if (options.refuses === 'content') return ['554 no such words here'];
    mails.push({ from, to, user, isEncrypted, content: lines.join('\n') });
    return ['250 taken'];
  }
  const address = /<(.*)>/.exec(line)?.[1] ?? '';
  switch (line.slice(0, 4).toUpperCase()) {
    case 'EHLO':
      return [
        '250-mail.test',
        ...(options.user ? ['250-AUTH PLAIN'] : []),
        ...(options.tls && !isEncrypted ? ['250-STARTTLS'] : []),
        '250 8BITMIME',
      ];
    case 'AUTH': {
      const [, name, password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0');
      if (name !== options.user?.name || password !== options.user?.password) return ['535 wrong user or password'];
      session.user = name ?? null;
      return ['235 welcome'];
    }
    case 'MAIL':
      if (options.user && session.user === null) return ['530 who are you?'];
      session.from = address;
      return ['250 ok'];
    case 'RCPT':
      if (options.refuses === 'recipient' || options.refuses === address) return ['550 nobody of that name'];
      session.to.push(address);
      return ['250 ok'];
    case 'DATA':
      session.lines = [];
      return ['354 go on'];
    case 'QUIT':
      return ['221 bye'];
    default:
      return ['250 ok'];
  }
}
