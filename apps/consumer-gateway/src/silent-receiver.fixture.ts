import type { MeteredReceiver } from './metered-reception.ts';

/** One who does nothing about what it hears of its credit. */
export const silentReceiver: MeteredReceiver = {
  stop: () => {},
  goOn: () => {},
  waitOn: () => {},
  tellStopped: () => {},
  warnOfCredit: () => {},
};
