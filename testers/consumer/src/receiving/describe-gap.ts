import { restOfEpoch } from '@motience/protocol';
import type { Gap } from '@motience/sdk';
import { formatCount, plural } from '@motience/testers-kit';

const whys: Record<string, string> = {
  'not-retained': 'they are no longer kept',
  'not-entitled': 'there was no active subscription then',
};

/** How many readings a gap names; undefined if nobody can tell. */
export function readingsIn({ from, to }: Gap): number | undefined {
  return to === restOfEpoch ? undefined : to - from + 1;
}

/** A gap for people. */
export function describeGap(gap: Gap): string {
  const why = whys[gap.reason] ?? 'nobody said why';
  const count = readingsIn(gap);
  if (count === undefined) {
    return `whatever followed reading ${formatCount(gap.from - 1)} of a former numbering will not come: ${why}.`;
  }
  const which = count === 1 ? formatCount(gap.from) : `${formatCount(gap.from)} to ${formatCount(gap.to)}`;
  return `${plural(count, 'reading')} (${which}) will not come: ${why}.`;
}
