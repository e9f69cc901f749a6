/** What a credit is counted in. `time` ends at a moment; `unlimited` costs nothing more, but is reported all the same. */
export type CreditUnit = 'readings' | 'bytes' | 'time' | 'unlimited';

/**
 * `open`: when it is used up there may be more. `stopped`: nothing is added to what is left, and once that is used up
 * delivery ends, for the credit's reason. `closed`: billing has taken it back because nobody used it; it is opened again
 * when it is wanted.
 */
export type CreditState = 'open' | 'stopped' | 'closed';

/** The names that stand in Redis; anything else is none. */
export function unitOf(text: string): CreditUnit | undefined {
  return text === 'readings' || text === 'bytes' || text === 'time' || text === 'unlimited' ? text : undefined;
}

export function stateOf(text: string): CreditState | undefined {
  return text === 'open' || text === 'stopped' || text === 'closed' ? text : undefined;
}

/** A gateway that has said nothing for so long is gone, and what it has taken with it, in ms. */
export const gatewayLifetimeMs = 5_000;
