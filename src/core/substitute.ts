/**
 * What a row shows in place of a number or text that an elder row holds (rules R5 and R6). Functions of the row's name
 * and the value only, so every server chooses the same without asking.
 */
import { keyText } from './key-text.js';
import { lifeText, type LifeName } from './life.js';
import type { SqlValue } from './value.js';

/** Numbers below this keep their digits in a substitute that fits 32 bits; larger ones need a JavaScript number's 53. */
const smallSpace = 1_000_000;
const smallSlots = 2_146;
const largeSpace = 1_000_000_000_000;
const largeSlots = 9_006;

/**
 * The substitute for a generated number: `-(slot * space + number)`, e.g. -1483000057 for 57. The slot is made of the
 * origin of the row, so rows that were numbered together stay together and in order. Negative, so that an engine's
 * "highest number plus one" is not lifted; positive where the column has no sign. For a number below 10^12 all attempts
 * stay in its residue class: substitutes of different numbers never meet.
 */
export function substituteNumber(row: LifeName, number: SqlValue, attempt: number, isUnsigned = false): bigint {
  const plain = plainNumber(number);
  const isSmall = plain !== null && plain < smallSpace;
  const [space, slots] = isSmall ? [smallSpace, smallSlots] : [largeSpace, largeSlots];
  const digits = plain ?? hashOf(`${lifeText(row)}/${keyText([number])}`);
  const slot = 1 + ((hashOf(row.origin) + attempt) % slots);
  // Past all slots, walk on through neighbouring numbers: a full space must not loop for ever.
  const substitute = BigInt(slot * space + (digits % space)) + BigInt(Math.floor(attempt / slots));
  return isUnsigned ? substitute : -substitute;
}

/** The substitutes that were tried before `shown` was taken: other rows have them. */
export function substitutesBefore(shown: SqlValue, row: LifeName, number: SqlValue, isUnsigned = false): bigint[] {
  const tried: bigint[] = [];
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const substitute = substituteNumber(row, number, attempt, isUnsigned);
    if (substitute === shown) return tried;
    tried.push(substitute);
  }
  return [];
}

/** No number is wanted by so many rows at once; a number that is no substitute must not be looked for without end. */
const attemptsMax = 100_000;

function plainNumber(number: SqlValue): number | null {
  if (typeof number === 'bigint') return number >= 0n && number < BigInt(largeSpace) ? Number(number) : null;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < largeSpace ? number : null;
}

/** The value with a suffix made of the row's name: `anna~k3f9a2`. */
export const renamedText = (text: string, row: LifeName): string =>
  `${text}~${hashOf(lifeText(row)).toString(36).padStart(7, '0')}`;

/** FNV-1a, 32 bits: spreads, and is the same everywhere. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
