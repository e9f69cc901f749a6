import type { DeliveredSpan } from '@motience/stream-log';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MeteredFeed, TurnClock } from './metered-feed.ts';
import { type MeteredReceiver, MeteredReception } from './metered-reception.ts';
import { sliceOf } from './slice.fixture.ts';
import { SocketMeter } from './socket-meter.ts';
import { SubscriptionMeter } from './subscription-meter.ts';
import { uniteSpans } from './unite-spans.ts';

const bytesPerReading = 10;

/** One socket of the model: what it was sent, and what of that it has not read. */
class ModelSocket implements MeteredReceiver {
  readonly meter = new SocketMeter({ bufferedBytes: () => this.waiting }, false);
  readonly reception: MeteredReception;
  readonly sent: number[] = [];
  waiting = 0;
  isLive = false;
  isStopped = false;
  isClosed = false;

  constructor(
    private readonly feed: MeteredFeed,
    meter: SubscriptionMeter,
  ) {
    const context = { moved: () => {}, claimed: () => {} };
    this.reception = new MeteredReception(meter, this.meter, this, 'one', context, undefined);
  }

  goOn(): void {
    this.join();
  }

  waitOn(): void {}

  tellStopped(): void {}

  warnOfCredit(): void {}

  join(): void {
    if (this.isLive || this.isClosed) return;
    this.isLive = true;
    this.isStopped = false;
    this.reception.join(this.feed, true);
  }

  stop(): void {
    this.isLive = false;
    this.isStopped = true;
    this.reception.leave();
  }
}

/** Redis as far as credit goes: what was taken can be spent once. */
class ModelCredit {
  left = 0;
  leased = 0;
  spent = 0;

  exchange(meter: SubscriptionMeter): DeliveredSpan[] {
    meter.giveBack();
    const { spans, spent } = meter.takeReport(1_000);
    const { holds, wants } = meter;
    this.spent += spent;
    const held = Math.min(holds, this.leased - spent);
    expect(held).toBe(holds);
    this.left += this.leased - spent - held;
    const slice = Math.min(this.left, wants);
    this.left -= slice;
    this.leased = held + slice;
    meter.answer(sliceOf({ holds: this.leased }), holds, performance.now());
    return spans;
  }
}

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('exchange' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('give' as const), units: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), at: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), at: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const), at: fc.nat(5) }) },
);

it('whatever happens, no more goes out than was given, and what is reported is what has left, to the reading', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const clock = new TurnClock();
      const feed = new MeteredFeed(clock);
      const meter = new SubscriptionMeter('1');
      const credit = new ModelCredit();
      const sockets: ModelSocket[] = [];
      const stalled = new Set<ModelSocket>();
      const reported: DeliveredSpan[] = [];
      let head = 0;
      let given = 0;
      /** Seqs that have left a socket for certain. */
      const left = new Set<number>();
      const look = () => {
        clock.turn += 1;
        const feeds = new Set<MeteredFeed>();
        for (const socket of sockets) socket.meter.look(feeds);
        for (const each of feeds) each.log.forget(each.settledTotals);
      };
      const exchange = () => {
        look();
        const spans = credit.exchange(meter);
        for (const { from, to } of spans) for (let seq = from; seq <= to; seq += 1) expect(left.has(seq)).toBe(true);
        reported.push(...spans);
      };
      const drain = (socket: ModelSocket) => {
        socket.waiting = 0;
        for (const seq of socket.sent) left.add(seq);
      };
      const publish = (count: number) => {
        const isCovered = feed.takes(count, count * bytesPerReading);
        for (let seq = head + 1; seq <= head + count; seq += 1) {
          if (!isCovered) feed.stopShort(1, bytesPerReading, { epoch: 'e', seq: seq - 1 });
          for (const socket of sockets) {
            if (!socket.isLive) continue;
            socket.sent.push(seq);
            if (stalled.has(socket)) socket.waiting += bytesPerReading + 7;
            else left.add(seq);
          }
          if (!isCovered) feed.add('e', seq, seq, (seq - 1) * bytesPerReading, seq * bytesPerReading);
        }
        if (isCovered) feed.add('e', head + 1, head + count, head * bytesPerReading, (head + count) * bytesPerReading);
        head += count;
      };

      for (const step of actions) {
        const socket = 'at' in step ? sockets[step.at % Math.max(1, sockets.length)] : undefined;
        if (step.do === 'publish') publish(step.count);
        else if (step.do === 'exchange') exchange();
        else if (step.do === 'give') {
          credit.left += step.units;
          given += step.units;
        } else if (step.do === 'open') {
          const opened = new ModelSocket(feed, meter);
          sockets.push(opened);
          if (opened.reception.hasCredit) opened.join();
        } else if (socket && step.do === 'stall') stalled.add(socket);
        else if (socket && step.do === 'read') {
          stalled.delete(socket);
          drain(socket);
        } else if (socket && step.do === 'close') {
          look();
          socket.isClosed = true;
          socket.isLive = false;
          socket.meter.close();
          sockets.splice(sockets.indexOf(socket), 1);
        }
        // Each reading that goes out to any of them is paid for from what was given, once.
        const out = new Set(sockets.flatMap(({ sent }) => sent)).size;
        expect(out).toBeLessThanOrEqual(given);
        expect(meter.holds + credit.spent).toBeLessThanOrEqual(given);
      }

      for (const socket of sockets) drain(socket);
      exchange();
      exchange();
      const united = uniteSpans(reported);
      const seqs = new Set(
        united.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, at) => from + at)),
      );
      // Of a socket that was closed while something waited, what waited may be missing, and is not more than went out.
      for (const socket of sockets) for (const seq of socket.sent) expect(seqs.has(seq)).toBe(true);
      for (const { from, to, bytesBefore, bytesThrough } of united) {
        expect([bytesBefore, bytesThrough]).toEqual([(from - 1) * bytesPerReading, to * bytesPerReading]);
      }
      expect(credit.left + credit.leased + credit.spent).toBe(given);
      expect(credit.spent).toBeGreaterThanOrEqual(seqs.size === 0 ? 0 : 1);
      expect(credit.spent).toBeLessThanOrEqual(given);
    }),
    { numRuns: 500 },
  );
});
