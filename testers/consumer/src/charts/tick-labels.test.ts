import { expect, it } from 'vitest';
import { tickLabels } from './tick-labels.ts';

it.each([
  ['whole numbers', [0, 5, 10], 5, ['0', '5', '10']],
  ['as many decimals as the step has', [24.1, 24.15, 24.2], 0.05, ['24.10', '24.15', '24.20']],
  ['a close look at large numbers', [4_093_000_000, 4_093_500_000], 500_000, ['4.0930G', '4.0935G']],
  ['thousands', [0, 20_000, 40_000], 20_000, ['0', '20k', '40k']],
  ['halves of thousands', [42_000, 42_500], 500, ['42.0k', '42.5k']],
  ['a close look at thousands', [42_594, 42_596], 2, ['42594', '42596']],
  ['a closer look at large numbers', [4_093_000_000, 4_093_000_010], 10, ['4093000000', '4093000010']],
  ['small numbers', [0.001, 0.0015], 0.0005, ['0.0010', '0.0015']],
  ['one side of zero and the other', [-2_000_000, 0, 2_000_000], 2_000_000, ['-2M', '0', '2M']],
  ['four digits as they are', [1_000, 1_002.5], 2.5, ['1000.0', '1002.5']],
  ['numbers beyond all units', [1e20, 2e20], 1e20, ['1.00e20', '2.00e20']],
  ['numbers too small for decimals', [1e-9, 2e-9], 1e-9, ['1.00e-9', '2.00e-9']],
])('labels %s', (_, ticks, step, labels) => {
  expect(tickLabels(ticks, step)).toEqual(labels);
});
