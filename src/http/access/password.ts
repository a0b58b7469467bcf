import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** log2 of the cost: 128 MB and about half a second on a small machine. */
const passwordCostBits = 17;

/** Two at a time: each takes 128 MB, and strangers may ask. */
const atOnceMax = 2;
const waiting: (() => void)[] = [];
let running = 0;

/** `scrypt$BITS$SALT$HASH`, salt and hash in base64url. */
export async function hashPassword(password: string, costBits = passwordCostBits): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, costBits);
  return ['scrypt', String(costBits), salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Takes as long for a name that nobody has (`stored` null) as for one that exists. */
export async function isPassword(
  password: string,
  stored: string | null,
  costBits = passwordCostBits,
): Promise<boolean> {
  const [kind, bits, salt, hash] = (stored ?? '').split('$');
  const isKnown = kind === 'scrypt' && salt !== undefined && hash !== undefined;
  const saltBytes = isKnown ? Buffer.from(salt, 'base64url') : Buffer.alloc(16);
  const found = await derive(password, saltBytes, isKnown ? Number(bits) : costBits);
  const expected = isKnown ? Buffer.from(hash, 'base64url') : Buffer.alloc(found.length);
  return isKnown && expected.length === found.length && timingSafeEqual(expected, found);
}

async function derive(password: string, salt: Buffer, costBits: number): Promise<Buffer> {
  if (running >= atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    // One text in two ways of writing is one password.
    return await scrypted(password.normalize('NFC'), salt, costBits);
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

function scrypted(password: string, salt: Buffer, costBits: number): Promise<Buffer> {
  const cost = 2 ** costBits;
  const options = { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 };
  return new Promise((resolve, reject) =>
    scrypt(password, salt, 32, options, (error, key) => (error ? reject(error) : resolve(key))),
  );
}
