import type { MovementLine, UseLine } from '@motience/protocol';
import { expect, it } from 'vitest';
import { lineInWords } from './line-in-words.ts';

const use: UseLine = {
  kind: 'use',
  subscription_id: '7',
  account_id: '2',
  account_name: 'river-lab',
  plan: { id: '3', name: 'Hourly', terms: { kind: 'per-time' }, in_words: '1.00 EUR per hour' },
  currency: 'EUR',
  unit_price: '1.00',
  use: { readings: '1234567', bytes: '1', seconds: '3600' },
  trial: { readings: '0', bytes: '0', seconds: '0' },
  charge: '1.00',
  fee: null,
  amount: '-1.00',
  days: [],
  epochs: [],
  more_epochs: false,
};
const movement: MovementLine = {
  kind: 'credit',
  id: '9',
  at: '2026-11-03T00:00:00.000Z',
  currency: 'EUR',
  amount: '0.10',
  subscription_id: '7',
  silence: { day: '2026-11-02', seconds: '1' },
};

it.each([
  [use, 'river-lab, 1.00 EUR per hour', '1,234,567 readings, 1 byte, 3,600 seconds'],
  [{ ...use, plan: null }, 'river-lab, free', '1,234,567 readings, 1 byte'],
  [movement, 'Credited for silence', '2026-11-02, 1 second beyond the promise'],
  [{ ...movement, kind: 'top-up' as const, silence: null }, 'Topped up', ''],
])('says what a line is about, and how much, exactly', (line, about, of) => {
  expect(lineInWords(line)).toEqual({ about, of });
});
