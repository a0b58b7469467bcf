import type { z } from 'zod';
import { closestName } from './closest-name.js';

/**
 * What a value that was refused must be: `must be at most 65535`. A message that the schema gives itself stands as it is.
 * Values whose checks were made with `reportInput` are also told what was probably meant.
 */
export function valueWords(issue: z.core.$ZodIssue): string {
  if (!checkersOwn.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && !('received' in issue)
        ? 'must be given'
        : `must be ${wordsByType[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return sizeWords(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'too_small':
      if (issue.origin === 'string' && Number(issue.minimum) === 1) return 'must not be empty';
      return sizeWords(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'invalid_value':
      return choiceWords(issue);
    case 'invalid_format':
      return `must be ${wordsByFormat[issue.format] ?? 'in the form that is expected'}`;
    case 'unrecognized_keys':
      return `holds unknown keys: ${issue.keys.join(', ')}`;
    default:
      return 'has not the form that is expected';
  }
}

/** How the texts of the checking library begin; those of schemas of this project begin otherwise. */
const checkersOwn = /^(?:Too (?:big|small)|Invalid|Unrecognized key)/;

const wordsByType: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
};

const wordsByFormat: Readonly<Record<string, string>> = {
  url: 'a whole address, such as https://example.org/path',
  datetime: 'a date with time, such as 2026-01-31T12:00:00Z',
};

function sizeWords(origin: string, bound: string, size: number | bigint): string {
  if (origin === 'string') return `must have ${bound} ${size} characters`;
  if (origin === 'array') return `must have ${bound} ${size} ${Number(size) === 1 ? 'entry' : 'entries'}`;
  return `must be ${bound} ${size}`;
}

function choiceWords({ values, input }: z.core.$ZodIssueInvalidValue): string {
  const known = values.map(String);
  const meant = typeof input === 'string' ? closestName(input, known) : null;
  const one = known.length === 1 ? 'must be' : 'must be one of';
  return `${one} ${known.join(', ')}${meant === null ? '' : `; did you mean "${meant}"?`}`;
}
