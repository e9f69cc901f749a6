import { expect, it } from 'vitest';
import { isStop, remedyInWords, stopInWords } from './describe-stop.ts';

it('takes for a stop what goes on by itself, and nothing else', () => {
  const reasons = ['insufficient-funds', 'spending-limit', 'quota-reached', 'requested', 'subscription-ended'];
  expect(reasons.filter(isStop)).toEqual(['insufficient-funds', 'spending-limit', 'quota-reached']);
});

it('says who can credit a wallet, as far as that is known', () => {
  expect(stopInWords('insufficient-funds')).toBe('your funds are used up');
  expect(remedyInWords('insufficient-funds', 'admin')).toContain('only an admin can credit your wallet');
  expect(remedyInWords('insufficient-funds', 'stripe')).toContain('Top it up');
  expect(remedyInWords('insufficient-funds', undefined)).toMatch(/in your wallet\. ?$/);
  expect(remedyInWords('spending-limit', 'admin')).not.toContain('admin');
});
