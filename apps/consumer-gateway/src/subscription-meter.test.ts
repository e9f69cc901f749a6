import { setImmediate } from 'node:timers/promises';
import type { CreditState } from '@motience/stream-log';
import { beforeEach, describe, expect, it } from 'vitest';
import { MeteredFeed, TurnClock } from './metered-feed.ts';
import { MeteredReception } from './metered-reception.ts';
import { silentReceiver } from './silent-receiver.fixture.ts';
import { sliceOf } from './slice.fixture.ts';
import { SocketMeter } from './socket-meter.ts';
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
  meter.receptions.add({ receiver: silentReceiver, lack: undefined });
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

it('what still waits in a socket when nobody receives any more keeps it from being idle, also where nothing is counted', () => {
  const meter = new SubscriptionMeter('7');
  meter.answer(sliceOf({ unit: 'unlimited', holds: 0 }), 0, performance.now());
  let waits = 100;
  const socket = new SocketMeter({ bufferedBytes: () => waits }, false);
  const context = { moved: () => {}, claimed: () => {} };
  const reception = new MeteredReception(meter, socket, silentReceiver, '1', context, undefined);
  const feed = new MeteredFeed(new TurnClock());
  reception.join(feed, true);
  feed.add('e', 1, 1, 0, 100);
  reception.end(true);
  socket.look(new Set());
  expect([meter.hasReports, meter.isIdle]).toEqual([false, false]);
  waits = 0;
  socket.look(new Set());
  expect(meter.takeReport(10).spans).toHaveLength(1);
  expect(meter.isIdle).toBe(true);
});

it('receives no more where nothing is counted while too much of it cannot be reported', () => {
  const meter = new SubscriptionMeter('7');
  const slice = sliceOf({ unit: 'unlimited', holds: 0 });
  meter.answer(slice, 0, performance.now());
  const feed = new MeteredFeed(new TurnClock());
  const use = feed.join(meter, { stop: () => {} });
  let seq = 0;
  while (seq < 1_000_000 && feed.takes(1, 10)) {
    const before = feed.log.totals;
    // A narrowed one: no two of them lie side by side.
    seq += 2;
    feed.add('e', seq, seq, seq * 10, seq * 10 + 10);
    meter.report(use, feed.log.between(before, feed.log.totals), feed.log.totals);
    feed.log.forget(feed.log.totals);
  }
  expect(seq).toBe(200_000);
  expect(meter.hasCreditFor(undefined)).toBe(false);

  expect(meter.takeReport(20_000).spans).toHaveLength(20_000);
  meter.answer(slice, 0, performance.now());
  expect(feed.takes(1, 10)).toBe(true);
});

describe('one who waits for more than is left', () => {
  let meter: SubscriptionMeter;
  let waiting: MeteredReception;
  let other: MeteredReception;
  let heard: string[];

  /** As much as a slice of bytes says. */
  const give = (holds: number, state: CreditState) =>
    meter.answer(sliceOf({ unit: 'bytes', holds, state }), meter.holds, performance.now());

  function receive(name: string): MeteredReception {
    const socket = new SocketMeter({ bufferedBytes: () => 0 }, false);
    const reception: MeteredReception = new MeteredReception(
      meter,
      socket,
      {
        stop: () => reception.leave(),
        goOn: () => heard.push(`${name} may go on`),
        waitOn: () => {},
        tellStopped: () => heard.push(`${name} is stopped`),
        warnOfCredit: () => {},
      },
      name,
      { moved: () => {}, claimed: () => {} },
      undefined,
    );
    return reception;
  }

  function join(reception: MeteredReception): MeteredFeed {
    const feed = new MeteredFeed(new TurnClock());
    reception.join(feed, true);
    return feed;
  }

  beforeEach(() => {
    heard = [];
    meter = new SubscriptionMeter('7');
    give(15_000, 'open');
    [waiting, other] = [receive('one'), receive('other')];
    join(waiting).stopShort(1, 200_000, { epoch: 'e', seq: 0 });
    heard = [];
  });

  it('is alone in being stopped where there will be no more', () => {
    const feed = join(other);
    give(15_000, 'stopped');
    meter.second();
    expect(heard).toEqual(['one is stopped', 'other may go on', 'one is stopped']);
    expect([waiting.hasCredit, other.hasCredit, meter.isStopped]).toEqual([false, true, false]);
    expect(feed.takes(1, 15_000)).toBe(true);
  });

  it('has as much asked for, and not given back before it was sent', async () => {
    expect(meter.wants).toBe(200_000 - 15_000);
    give(200_000, 'open');
    expect(heard).toContain('one may go on');
    // It reads what it goes on with, which takes a while.
    for (let calls = 0; calls < 3; calls += 1) {
      meter.second();
      meter.giveBack();
    }
    expect(meter.hasSurplus).toBe(false);
    const feed = join(waiting);
    expect(feed.takes(1, 200_000)).toBe(true);
    feed.add('e', 1, 1, 0, 200_000);
    await setImmediate();
    await setImmediate();
    await setImmediate();
    waiting.collect();
    expect(waiting.lack).toBeUndefined();
  });

  it('is no longer minded once it has gone', () => {
    waiting.end();
    expect(meter.wants).toBe(64 * 1024 - 15_000);
    expect(meter.isStopped).toBe(false);
  });
});
