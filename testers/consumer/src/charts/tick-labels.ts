const units = [
  { from: 1e12, divisor: 1e12, sign: 'T' },
  { from: 1e9, divisor: 1e9, sign: 'G' },
  { from: 1e6, divisor: 1e6, sign: 'M' },
  // Up to here a number is as short as one with a k.
  { from: 1e4, divisor: 1e3, sign: 'k' },
];
const none = { divisor: 1, sign: '' };
const mostDecimals = 6;

/**
 * Labels of an axis: as many digits as the step between two ticks needs, so that no two are the same, all in the unit of
 * the largest, unless without one they are shorter: 42594 and not 42.594k.
 */
export function tickLabels(ticks: readonly number[], step: number): string[] {
  const largest = Math.max(...ticks.map(Math.abs));
  const unit = units.find(({ from, divisor }) => largest >= from && isShorterIn(divisor, step)) ?? none;
  const decimals = decimalsOf(step / unit.divisor);
  const isBeyond = largest >= 1e15 || decimals > mostDecimals;
  return ticks.map((tick) => {
    if (tick === 0) return '0';
    if (isBeyond) return tick.toExponential(2).replace('e+', 'e');
    return `${(tick / unit.divisor).toFixed(decimals)}${unit.sign}`;
  });
}

/** A unit costs a point and its sign, and saves the digits of its divisor. */
function isShorterIn(divisor: number, step: number): boolean {
  const decimals = decimalsOf(step / divisor);
  return decimals <= mostDecimals && decimals + 2 <= Math.log10(divisor);
}

/** How many decimals a step has that is a few digits times a power of ten. */
function decimalsOf(step: number): number {
  let decimals = 0;
  while (decimals <= mostDecimals && !isWhole(step * 10 ** decimals)) decimals += 1;
  return decimals;
}

function isWhole(value: number): boolean {
  return Math.round(value) !== 0 && Math.abs(value - Math.round(value)) < 1e-6 * Math.abs(value);
}
