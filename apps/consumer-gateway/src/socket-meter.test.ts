import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { MeteredFeed, TurnClock } from './metered-feed.ts';
import { MeteredReception } from './metered-reception.ts';
import { silentReceiver } from './silent-receiver.fixture.ts';
import { sliceOf } from './slice.fixture.ts';
import { SocketMeter } from './socket-meter.ts';
import { SubscriptionMeter } from './subscription-meter.ts';

let waiting: number;
let meter: SubscriptionMeter;
let feed: MeteredFeed;

beforeEach(() => {
  waiting = 0;
  meter = new SubscriptionMeter('7');
  meter.answer(sliceOf({ holds: 1_000 }), 0, performance.now());
  feed = new MeteredFeed(new TurnClock());
});

function receive({ isCompressed = false } = {}): SocketMeter {
  const socket = new SocketMeter({ bufferedBytes: () => waiting }, isCompressed);
  const context = { moved: () => {}, claimed: () => {} };
  new MeteredReception(meter, socket, silentReceiver, '1', context, undefined).join(feed, true);
  return socket;
}

/** Readings of a hundred bytes each go out, and so many bytes wait when they were handed to the socket. */
async function goOut(from: number, to: number, left: number): Promise<void> {
  feed.add('e', from, to, (from - 1) * 100, to * 100);
  await setImmediate();
  await setImmediate();
  await setImmediate();
  waiting = left;
}

const reported = () => meter.takeReport(100).spans.map(({ from, to }) => `${from}-${to}`);

describe('when a socket is gone', () => {
  it('what left since it was looked at is reported, if it is known from what had drained', async () => {
    const socket = receive();
    await goOut(1, 10, 1_000);
    socket.look(new Set());
    expect(reported()).toEqual([]);
    waiting = 0;
    socket.drained();
    socket.close();
    expect(reported()).toEqual(['1-10']);
  });

  it('what still waited in it is not', async () => {
    const socket = receive();
    await goOut(1, 4, 300);
    socket.look(new Set());
    await goOut(5, 10, 900);
    waiting = 600;
    socket.drained();
    socket.close();
    expect(reported()).toEqual(['1-4']);
  });

  it('what went out behind something that waited when metering began is not, if nobody saw any of it leave', async () => {
    waiting = 500;
    const socket = receive();
    await goOut(1, 4, 900);
    socket.close();
    expect(reported()).toEqual([]);
  });

  it('readings that went out together are, if some of them have left', async () => {
    const socket = receive();
    await goOut(1, 10, 1_000);
    socket.look(new Set());
    await goOut(11, 20, 2_000);
    waiting = 1_999;
    socket.drained();
    await goOut(21, 30, 2_999);
    socket.close();
    expect(reported()).toEqual(['1-10']);
  });

  it('all that it was handed is reported if it was compressed, for nobody knows how much of it waited', async () => {
    const socket = receive({ isCompressed: true });
    await goOut(1, 10, 7);
    socket.look(new Set());
    expect(reported()).toEqual([]);
    socket.close();
    expect(reported()).toEqual(['1-10']);
  });
});
