/** Values that simulated applications write, as SQL text. Most are tokens: unique, so that each can be followed through a run. */
import type { Random } from './random.js';
import type { SimulatedRule } from './table-design.js';

export interface TokenSource {
  /** `w<number>~`: no two writes of a run share one. */
  next(): string;
}

export function createTokenSource(): TokenSource {
  let count = 0;
  return { next: () => `w${++count}~` };
}

const tokenPattern = /w\d+~/g;

/** The tokens in a text. */
export const tokensIn = (text: string): string[] => text.match(tokenPattern) ?? [];

export const textSql = (text: string): string =>
  text.includes('\0')
    ? `CAST(x'${Buffer.from(text, 'utf8').toString('hex')}' AS TEXT)`
    : `'${text.replaceAll("'", "''")}'`;

const oddValues = [
  'NULL',
  '0',
  '1',
  '1.0',
  '-1',
  '0.1',
  '1e300',
  '5e-324',
  '9e999',
  '-9e999',
  '-0.0',
  '9223372036854775807',
  '(-9223372036854775807 - 1)',
  '9007199254740993',
  '1.7976931348623157e308',
  "''",
  "x''",
  "'1'",
  "'1.0'",
  "' 7 '",
  "'NULL'",
  `'"quoted"'`,
  "'ünïcödé'",
  "'𝒳 astral'",
  "'a' || char(10) || 'b'",
  "CAST(x'610062' AS TEXT)",
  "CAST(x'00' AS TEXT)",
  "CAST(x'ff41c3' AS TEXT)",
  "CAST(x'eda080' AS TEXT)",
  "x'00ff00'",
  "x'6162'",
  '123456789012345678',
  '3.141592653589793',
] as const;

/** A value for an ordinary column: a token, sometimes long, sometimes odd. */
export function writtenValueSql(random: Random, tokens: TokenSource, odd: number): string {
  if (random.chance(odd)) return random.pick(oddValues);
  const token = tokens.next();
  switch (random.below(8)) {
    case 0:
      return `'${token}${'x'.repeat(random.between(1, 300))}'`;
    case 1:
      return `CAST('${token}' AS BLOB)`;
    case 2:
      return String(random.between(-1000, 1000) * 1000 + Number(token.slice(1, -1)));
    case 3:
      return `${Number(token.slice(1, -1))}.${random.between(1, 9)}`;
    default:
      return `'${token}'`;
  }
}

/** A value for a column with a rule of its own. The first write of a column is followed by its token. */
export function ruledValueSql(random: Random, tokens: TokenSource, rule: SimulatedRule): string {
  if (random.chance(rule === 'first-write-wins' ? 0.4 : 0.15)) return 'NULL';
  return rule === 'first-write-wins' ? `'${tokens.next()}'` : String(random.between(-1000, 1000));
}

const keyWords = ['a', 'A', 'b', 'c', 'd', 'é', 'E', ' f', 'g ', '', 'h', 'i', 'j'];

/** A value for a natural key: from a small domain, so that servers meet at one key. */
export function keyValueSql(random: Random, type: string, domain: number): string {
  const number = random.below(domain);
  if (random.chance(0.05)) return random.pick(["x'00'", "'10'", '10', '1.5', "'k' || char(10)", '9223372036854775807']);
  switch (type) {
    case 'INT':
      return String(number);
    case 'BLOB':
      return `x'${number.toString(16).padStart(2, '0')}'`;
    default:
      return textSql(keyWords[number] ?? `key${number}`);
  }
}
