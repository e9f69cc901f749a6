import { z } from 'zod';

/**
 * Makes every schema of this process that has no words of its own for a mistake say in ours what it expected. To be
 * called by what answers requests; not by a library, whose users have schemas of their own.
 */
export function useOwnWords(): void {
  z.config({ customError: (issue) => expectation(issue) });
}

function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${nameOfType(issue.expected)}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_big':
      return `expected at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'too_small':
      return `expected at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'unrecognized_keys':
      return 'is not a known field';
    case 'invalid_format':
      return 'expected another form';
    default:
      return 'expected something else';
  }
}

function nameOfType(type: string): string {
  if (type === 'int') return 'a whole number';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

const units = new Map([
  ['string', ' characters'],
  ['array', ' entries'],
]);

function unitOf(origin: string): string {
  return units.get(origin) ?? '';
}
