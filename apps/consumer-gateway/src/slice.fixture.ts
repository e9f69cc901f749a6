import type { Slice } from '@motience/stream-log';

/** What billing gave for a subscription that pays by the reading: as many units as `holds` says. */
export function sliceOf(given: Partial<Slice> & Pick<Slice, 'holds'>): Slice {
  return {
    unit: 'readings',
    state: 'open',
    reason: '',
    warning: 0,
    restMs: undefined,
    coveredFromMs: undefined,
    isCoverPending: false,
    ...given,
  };
}
