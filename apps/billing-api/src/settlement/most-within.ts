/** The largest number from 0 to `most` whose cost, which grows with it, is within the budget. */
export function mostWithin(most: bigint, budget: bigint, costOf: (units: bigint) => bigint): bigint {
  if (most <= 0n || costOf(most) <= budget) return most > 0n ? most : 0n;
  let low = 0n;
  let high = most;
  while (low + 1n < high) {
    const middle = (low + high) / 2n;
    if (costOf(middle) <= budget) low = middle;
    else high = middle;
  }
  return low;
}
