import { expect, it } from 'vitest';
import { MeteredFeed, TurnClock } from './metered-feed.ts';
import { sliceOf } from './slice.fixture.ts';
import { SubscriptionMeter } from './subscription-meter.ts';

it('what went out on credit that is dropped is told as spent, once, so that it is not given again', () => {
  const meter = new SubscriptionMeter('7');
  meter.answer(sliceOf({ holds: 3 }), 0, performance.now());
  const feed = new MeteredFeed(new TurnClock());
  const use = feed.join(meter, { stop: () => {} });
  expect(feed.takes(2, 200)).toBe(true);
  feed.add('e', 1, 2, 0, 200);
  const through = feed.log.totals;
  meter.drop();
  expect(meter.holds).toBe(0);
  expect(meter.takeReport(10)).toEqual({ spans: [], spent: 2 });
  meter.answer(sliceOf({ holds: 1 }), 0, performance.now());
  meter.report(use, feed.log.between({ readings: 0, bytes: 0 }, through), through);
  expect(meter.takeReport(10)).toMatchObject({ spans: [{ from: 1, to: 2 }], spent: 0 });
});

it('what is left in hand of a rate that was higher is given back, and not what is needed', () => {
  const meter = new SubscriptionMeter('7');
  meter.listeners.add({ goOn: () => {}, tellStopped: () => {}, warnOfCredit: () => {} });
  meter.answer(sliceOf({ holds: 3_000 }), 0, performance.now());
  const feed = new MeteredFeed(new TurnClock());
  const use = feed.join(meter, { stop: () => {} });
  expect(feed.takes(1_000, 100_000)).toBe(true);
  feed.add('e', 1, 1_000, 0, 100_000);
  meter.report(use, feed.log.between({ readings: 0, bytes: 0 }, feed.log.totals), feed.log.totals);
  meter.second();
  expect(meter.takeReport(10)).toMatchObject({ spent: 1_000 });
  meter.giveBack();
  expect(meter.holds).toBe(2_000);
  expect(meter.hasSurplus).toBe(false);

  for (let seconds = 0; seconds < 20; seconds += 1) meter.second();
  expect(meter.hasSurplus).toBe(true);
  meter.giveBack();
  expect(meter.holds).toBe(200);
  expect(meter.wants).toBe(0);
  expect(feed.takes(200, 20_000)).toBe(true);
  expect(feed.takes(201, 20_100)).toBe(false);
});
