/** The few forms of DER that a certificate needs. */

export const derInteger = (bytes: Uint8Array): Uint8Array => {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  // A leading bit of one would make it negative.
  return der(0x02, (trimmed[0] ?? 0) >= 0x80 ? join([Uint8Array.of(0), trimmed]) : trimmed);
};

export const derSequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, join(parts));
export const derSet = (...parts: readonly Uint8Array[]): Uint8Array => der(0x31, join(parts));
export const derBoolean = (value: boolean): Uint8Array => der(0x01, Uint8Array.of(value ? 0xff : 0));
export const derOctets = (bytes: Uint8Array): Uint8Array => der(0x04, bytes);
/** `unusedBits` is how many of the last byte do not count. */
export const derBits = (bytes: Uint8Array, unusedBits = 0): Uint8Array =>
  der(0x03, join([Uint8Array.of(unusedBits), bytes]));
export const derText = (text: string): Uint8Array => der(0x0c, new TextEncoder().encode(text));
/** An explicit context tag around `content`. */
export const derTagged = (tag: number, content: Uint8Array): Uint8Array => der(0xa0 + tag, content);

/** "YYYYMMDDHHMMSS": as UTCTime before 2050 and as GeneralizedTime from then on, as RFC 5280 asks. */
export const derTime = (digits: string): Uint8Array =>
  digits < '2050'
    ? der(0x17, new TextEncoder().encode(`${digits.slice(2)}Z`))
    : der(0x18, new TextEncoder().encode(`${digits}Z`));

export function derObjectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...others]) {
    const groups = [arc & 0x7f];
    for (let rest = arc >>> 7; rest > 0; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Uint8Array.from(bytes));
}

function der(tag: number, content: Uint8Array): Uint8Array {
  return join([Uint8Array.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(0x80 + bytes.length, ...bytes);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
