import { Refusal } from '@motience/protocol';

/** What may stand more than once in a query. */
const repeatable = new Set(['fields']);

/** What a name stands for only with this value. */
const onlyValue = new Map([
  ['mode', 'manual'],
  ['packed', 'true'],
  ['compress', 'true'],
]);

/**
 * Throws `invalid-request` for a query in which a name stands twice, or a `mode` or another value that there is not: going on without
 * what was meant would lose readings in silence.
 */
export function checkQuery(query: string): void {
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (seen.has(name) && !repeatable.has(name)) throw new Refusal('invalid-request', `${nameIn(name)}: appears twice`);
    seen.add(name);
    const only = onlyValue.get(name);
    if (only !== undefined && value !== only)
      throw new Refusal('invalid-request', `${name}: expected ${only}, or nothing`);
  }
}

function nameIn(name: string): string {
  return name.length <= 64 ? name : `${name.slice(0, 63).toWellFormed()}…`;
}
