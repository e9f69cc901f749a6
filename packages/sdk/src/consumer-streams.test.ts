import { type ConsumerDownFrame, restOfEpoch } from '@motience/protocol';
import { describe, expect, test } from 'vitest';
import { type ConsumerNews, ConsumerStreams } from './consumer-streams.ts';

const reading = (seq: number, deviceId = 'd', producerId = '7') => ({
  producer_id: producerId,
  device_id: deviceId,
  timestamp: '2026-01-01T00:00:00Z',
  data: {},
  seq,
});
const position = (seq: number, epoch = 'e') => ({ producer_id: '7', epoch, seq });
const welcome = (...streams: ReturnType<typeof position>[]): ConsumerDownFrame => ({
  type: 'welcome',
  session_id: 's',
  streams,
});
const subscribed = (seq: number, { epoch = 'e', recovered = true } = {}): ConsumerDownFrame => ({
  type: 'subscribed',
  ...position(seq, epoch),
  recovered,
});
const gapFrame = (from: number, to: number, { epoch = 'e', reason = 'not-retained' } = {}): ConsumerDownFrame => ({
  type: 'gap',
  producer_id: '7',
  epoch,
  from,
  to,
  reason,
});
const gap = (from: number, to: number, reason = 'not-retained', epoch = 'e'): ConsumerNews => ({
  type: 'gap',
  gap: { producerId: '7', epoch, from, to, reason },
});
const resumed = (seq: number, epoch = 'e'): ConsumerNews => ({ type: 'resumed', position: position(seq, epoch) });
const subscribeFrame = (after: number, epoch = 'e') => ({ type: 'subscribe', producer_id: '7', epoch, after });

function live(seq: number): ConsumerStreams {
  const streams = new ConsumerStreams('live');
  streams.receive(welcome(position(seq)));
  return streams;
}

/** A stream that stood at 10 and was asked to continue there, on a connection where it would start at 20. */
function asked(): ConsumerStreams {
  const streams = live(10);
  streams.lost();
  streams.receive(welcome(position(20)));
  expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
  return streams;
}

/** The seqs that reach the application. */
function deliver(streams: ConsumerStreams, seqs: number[]): number[] {
  return seqs.filter((seq) => streams.read(reading(seq), true).epoch !== undefined);
}

describe('a consumer’s streams', () => {
  test('readings in order are delivered with their epoch and move the position', () => {
    const streams = live(10);
    expect(streams.read(reading(11), true)).toEqual({ epoch: 'e', news: [] });
    expect(streams.positions).toEqual([position(11)]);
  });

  test('a stream that starts where it stood needs no question', () => {
    const streams = live(10);
    streams.lost();
    expect(streams.receive(welcome(position(10)))).toEqual([resumed(10)]);
    expect(streams.takeFrames(9)).toEqual([]);
  });

  test('after a reconnect what came meanwhile is asked for, and nothing is taken before the answer', () => {
    const streams = asked();
    expect(deliver(streams, [21, 22])).toEqual([]);
    expect(streams.receive(subscribed(10))).toEqual([resumed(10)]);
    expect(deliver(streams, [11, 12, 12, 11, 13])).toEqual([11, 12, 13]);
  });

  test('saved positions are continued like those of a connection that was lost', () => {
    const streams = new ConsumerStreams('live', [position(3, 'old')]);
    streams.receive(welcome(position(20)));
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(3, 'old')]);
    expect(new ConsumerStreams('live', [position(3)]).positions).toEqual([position(3)]);
  });

  test('an epoch that begins while the answer is awaited is not taken for it', () => {
    const streams = asked();
    streams.receive(subscribed(0, { epoch: 'f' }));
    expect(deliver(streams, [1])).toEqual([]);
    streams.receive(subscribed(10));
    expect(deliver(streams, [11])).toEqual([11]);
    streams.receive(subscribed(0, { epoch: 'f' }));
    expect(deliver(streams, [1, 2])).toEqual([1, 2]);
    expect(streams.positions).toEqual([position(2, 'f')]);
  });

  test('an answer that names another epoch counts once it is repeated, and the rest of ours is told as a gap once', () => {
    const streams = asked();
    const elsewhere = subscribed(3, { epoch: 'f', recovered: false });
    expect(streams.receive(elsewhere)).toEqual([]);
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
    expect(streams.receive(elsewhere)).toEqual([
      gap(11, restOfEpoch, 'not-retained', 'e'),
      gap(1, 3, 'not-retained', 'f'),
    ]);
    expect(streams.receive(gapFrame(11, restOfEpoch))).toEqual([]);
    expect(deliver(streams, [4])).toEqual([4]);
  });

  test('a gap is told with its reason, once, and without what was delivered', () => {
    const streams = live(10);
    expect(streams.receive(gapFrame(9, 13))).toEqual([gap(11, 13)]);
    expect(streams.receive(gapFrame(11, 13))).toEqual([]);
    expect(deliver(streams, [13, 14])).toEqual([14]);
  });

  test('a hole that nobody named is asked for; if it is there again, it is told', () => {
    const streams = live(10);
    expect(deliver(streams, [14])).toEqual([]);
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
    streams.receive(subscribed(10));
    expect(streams.read(reading(14), true)).toEqual({ epoch: 'e', news: [gap(11, 13, 'unexplained')] });
  });

  test('a position beyond what was delivered is a hole, unless narrowing explains it', () => {
    const beyond: ConsumerDownFrame = { type: 'position', ...position(12) };
    const streams = live(10);
    streams.receive(beyond);
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
    const narrowed = live(10);
    narrowed.subscribe('7', { deviceId: 'd' });
    expect(narrowed.takeFrames(9)).toEqual([{ ...subscribeFrame(10), device_id: 'd' }]);
    narrowed.receive(subscribed(10));
    expect(narrowed.receive(beyond)).toEqual([]);
    expect(narrowed.positions).toEqual([position(12)]);
  });

  test('with fields and a max_rate numbers are left out without being missing; the same wish is asked for once', () => {
    const streams = live(10);
    streams.subscribe('7', { fields: ['t'], maxRate: 0.5 });
    expect(streams.takeFrames(9)).toEqual([{ ...subscribeFrame(10), fields: ['t'], max_rate: 0.5 }]);
    streams.receive(subscribed(10));
    expect(deliver(streams, [14, 20])).toEqual([14, 20]);
    streams.subscribe('7', { fields: ['t'], maxRate: 0.5 });
    expect(streams.takeFrames(9)).toEqual([]);
    streams.subscribe('7');
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(20)]);
  });

  test('a reading that finds no room is not delivered, and asked for once there is room', () => {
    const streams = live(10);
    expect(streams.read(reading(11), false).epoch).toBeUndefined();
    expect(deliver(streams, [12])).toEqual([]);
    expect(streams.takeFrames(9)).toEqual([]);
    streams.room();
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
    streams.receive(subscribed(10));
    expect(deliver(streams, [11, 12])).toEqual([11, 12]);
  });

  test('narrowing leaves out other devices without calling it a hole, also until the server has narrowed', () => {
    const streams = live(10);
    streams.subscribe('7', { deviceId: 'd' });
    expect(streams.read(reading(11, 'other'), true)).toEqual({ epoch: undefined, news: [] });
    expect(streams.takeFrames(9)).toEqual([{ ...subscribeFrame(11), device_id: 'd' }]);
    streams.receive(subscribed(11));
    expect(deliver(streams, [15])).toEqual([15]);
  });

  test('a change of mind while the answer is awaited is asked for after it', () => {
    const streams = asked();
    streams.subscribe('7', { deviceId: 'd' });
    streams.subscribe('7', { after: { epoch: 'e', seq: 2 } });
    expect(streams.takeFrames(9)).toEqual([]);
    streams.receive(subscribed(10));
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(2)]);
    streams.receive(subscribed(2));
    expect(deliver(streams, [3])).toEqual([3]);
  });

  test('in manual mode a stream is asked for once welcomed, again after a reconnect, and nothing else is delivered', () => {
    const streams = new ConsumerStreams('manual');
    streams.subscribe('7');
    expect(streams.takeFrames(9)).toEqual([]);
    streams.receive(welcome());
    expect(streams.takeFrames(9)).toEqual([{ type: 'subscribe', producer_id: '7' }]);
    streams.receive(subscribed(3, { recovered: false }));
    expect(deliver(streams, [4])).toEqual([4]);
    expect(streams.read(reading(1, 'd', '9'), true).epoch).toBeUndefined();
    streams.lost();
    streams.receive(welcome());
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(4)]);
  });

  test('a stream that is not wanted is stopped on every connection, and begins anew when it is wanted again', () => {
    const streams = live(10);
    streams.unsubscribe('7');
    expect(streams.takeFrames(9)).toEqual([{ type: 'unsubscribe', producer_id: '7' }]);
    expect(deliver(streams, [11])).toEqual([]);
    streams.lost();
    streams.receive(welcome(position(20)));
    expect(streams.takeFrames(9)).toEqual([{ type: 'unsubscribe', producer_id: '7' }]);
    streams.subscribe('7');
    expect(streams.takeFrames(9)).toEqual([{ type: 'subscribe', producer_id: '7' }]);
    streams.receive({ type: 'unsubscribed', producer_id: '7', reason: 'requested' });
    streams.receive(subscribed(30, { recovered: false }));
    expect(deliver(streams, [31])).toEqual([31]);
  });

  test('the answer to a question from before a stop is not taken for that to the next one', () => {
    const streams = asked();
    streams.unsubscribe('7');
    streams.takeFrames(9);
    streams.subscribe('7');
    streams.takeFrames(9);
    streams.receive(subscribed(10));
    expect(deliver(streams, [11])).toEqual([]);
    streams.receive(subscribed(30, { recovered: false }));
    expect(deliver(streams, [31])).toEqual([31]);
  });

  test('a subscription that is made again continues where the stream stood, so that what is missing is told', () => {
    const streams = live(10);
    streams.receive({ type: 'unsubscribed', producer_id: '7', reason: 'subscription-ended' });
    streams.receive(subscribed(15, { recovered: false }));
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
    streams.receive(subscribed(10));
    expect(streams.receive(gapFrame(11, 15, { reason: 'not-entitled' }))).toEqual([gap(11, 15, 'not-entitled')]);
    expect(deliver(streams, [16])).toEqual([16]);
  });

  test('a stream that was not paid for goes on where it stood once it is', () => {
    const streams = live(10);
    expect(streams.receive({ type: 'balance', producer_id: '7', percent_left: 5 })).toEqual([]);
    streams.receive({ type: 'unsubscribed', producer_id: '7', reason: 'insufficient-funds' });
    expect(streams.receive(subscribed(10))).toEqual([{ type: 'resumed', position: position(10) }]);
    expect(streams.takeFrames(9)).toEqual([]);
    expect(deliver(streams, [11])).toEqual([11]);
  });

  test('a refused question leaves the stream ready for a subscription', () => {
    const streams = asked();
    streams.receive({ type: 'error', kind: 'forbidden', detail: 'no active subscription', producer_id: '7' });
    streams.receive(subscribed(25, { recovered: true }));
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(10)]);
  });

  test('an epoch that comes back is continued where it was left, and never begun anew', () => {
    const streams = live(10);
    streams.receive(subscribed(0, { epoch: 'f' }));
    expect(deliver(streams, [1, 2])).toEqual([1, 2]);
    streams.receive(subscribed(5));
    expect(streams.takeFrames(9)).toEqual([subscribeFrame(2, 'f')]);
    streams.receive(subscribed(2, { epoch: 'f' }));
    streams.receive(subscribed(5));
    expect(deliver(streams, [6, 10, 11])).toEqual([11]);
  });

  test('going back does not forget the epochs that were to come again', () => {
    const streams = live(10);
    streams.receive(subscribed(0, { epoch: 'f' }));
    expect(deliver(streams, [1, 2])).toEqual([1, 2]);
    for (const answer of [subscribed(5), subscribed(2, { epoch: 'f' }), subscribed(5)]) {
      streams.takeFrames(9);
      streams.receive(answer);
    }
    expect(streams.positions).toEqual([position(2, 'f')]);
    expect(streams.receive(subscribed(0, { epoch: 'g', recovered: false }))).toEqual([
      gap(11, restOfEpoch),
      gap(3, restOfEpoch, 'not-retained', 'f'),
    ]);
    expect(streams.receive(gapFrame(3, restOfEpoch, { epoch: 'f' }))).toEqual([]);
    expect(streams.positions).toEqual([position(0, 'g')]);
  });

  test('an epoch that is gone is named when the server falls back to an earlier one', () => {
    const streams = live(10);
    streams.receive(subscribed(0, { epoch: 'f' }));
    for (const question of [1, 2]) {
      expect(streams.receive(subscribed(12, { recovered: false }))).toEqual([]);
      expect(streams.takeFrames(9), `question ${question}`).toEqual([subscribeFrame(0, 'f')]);
    }
    expect(streams.receive(subscribed(12, { recovered: false }))).toEqual([
      gap(1, restOfEpoch, 'not-retained', 'f'),
      gap(11, 12),
    ]);
  });

  test('frames are given a few at a time, each stream once', () => {
    const streams = new ConsumerStreams('manual');
    for (const producerId of ['1', '2', '3', '2']) streams.subscribe(producerId);
    streams.receive(welcome());
    expect(streams.takeFrames(2).map(({ producer_id }) => producer_id)).toEqual(['1', '2']);
    expect(streams.takeFrames(2).map(({ producer_id }) => producer_id)).toEqual(['3']);
  });
});
