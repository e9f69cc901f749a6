import type { ConsumerDownFrame } from '@motience/protocol';
import { describe, expect, test } from 'vitest';
import { type ConsumerAction, ConsumerStreams } from './consumer-streams.ts';

const reading = (seq: number, deviceId = 'd', producerId = '7') => ({
  producer_id: producerId,
  device_id: deviceId,
  timestamp: '2026-01-01T00:00:00Z',
  data: {},
  seq,
});
const welcome = (seq: number, epoch = 'e'): ConsumerDownFrame => ({
  type: 'welcome',
  session_id: 's',
  streams: [{ producer_id: '7', epoch, seq }],
});
const missed = (from: number, to: number, reason = 'unexplained'): ConsumerAction => ({
  type: 'missed',
  readings: { producerId: '7', epoch: 'e', from, to, reason },
});

function live(seq: number): ConsumerStreams {
  const streams = new ConsumerStreams('live');
  streams.receive(welcome(seq));
  return streams;
}

describe('a consumer’s streams', () => {
  test('readings in order are delivered and move the position', () => {
    const streams = live(10);
    expect(streams.read(reading(11))).toEqual({ deliver: true, actions: [] });
    expect(streams.positions.get('7')?.seq).toBe(11);
  });

  test('a hole that nobody named is reported', () => {
    expect(live(10).read(reading(14)).actions).toEqual([missed(11, 13)]);
  });

  test('a gap is reported with its reason and leaves no unexplained hole', () => {
    const streams = live(10);
    const gap = { type: 'gap', producer_id: '7', epoch: 'e', from: 11, to: 13, reason: 'not-retained' } as const;
    expect(streams.receive(gap)).toEqual([missed(11, 13, 'not-retained')]);
    expect(streams.read(reading(14)).actions).toEqual([]);
  });

  test('after a reconnect it says where the stream went on and how many were missed', () => {
    const streams = live(10);
    streams.read(reading(11));
    streams.lost();
    const position = (epoch: string, seq: number) => ({ producer_id: '7', epoch, seq });
    expect(streams.receive(welcome(20))).toEqual([
      {
        type: 'continued',
        stream: { producerId: '7', before: position('e', 11), after: position('e', 20), missed: 9 },
      },
    ]);
    expect(streams.read(reading(21)).actions).toEqual([]);
  });

  test('a new epoch leaves the number of missed readings unknown', () => {
    const streams = live(10);
    streams.lost();
    const [action] = streams.receive(welcome(0, 'f'));
    expect(action).toMatchObject({ type: 'continued', stream: { missed: undefined } });
  });

  test('a stream that is not there after one reconnect is still reported when it comes back', () => {
    const streams = live(10);
    streams.lost();
    expect(streams.receive({ type: 'welcome', session_id: 's', streams: [] })).toEqual([]);
    streams.lost();
    expect(streams.receive(welcome(12))).toMatchObject([{ type: 'continued', stream: { missed: 2 } }]);
  });

  test('narrowing leaves out other devices without calling it a hole, also until the server has narrowed', () => {
    const streams = live(10);
    expect(streams.subscribe('7', 'd')).toEqual([
      { type: 'send', frame: { type: 'subscribe', producer_id: '7', device_id: 'd' } },
    ]);
    expect(streams.read(reading(11, 'other')).deliver).toBe(false);
    expect(streams.read(reading(15))).toEqual({ deliver: true, actions: [] });
  });

  test('wishes are sent again after a reconnect', () => {
    const streams = live(10);
    streams.subscribe('7', 'd');
    streams.unsubscribe('8');
    streams.lost();
    expect(streams.receive(welcome(10)).filter(({ type }) => type === 'send')).toEqual([
      { type: 'send', frame: { type: 'subscribe', producer_id: '7', device_id: 'd' } },
      { type: 'send', frame: { type: 'unsubscribe', producer_id: '8' } },
    ]);
  });

  test('in manual mode a wish is sent once welcomed, and nothing else is delivered', () => {
    const streams = new ConsumerStreams('manual');
    expect(streams.subscribe('7', undefined)).toEqual([]);
    expect(streams.receive({ type: 'welcome', session_id: 's', streams: [] })).toEqual([
      { type: 'send', frame: { type: 'subscribe', producer_id: '7' } },
    ]);
    streams.receive({ type: 'subscribed', producer_id: '7', epoch: 'e', seq: 3, recovered: false });
    expect(streams.read(reading(4)).deliver).toBe(true);
    expect(streams.read(reading(1, 'd', '9')).deliver).toBe(false);
  });

  test('an ended subscription is forgotten: what passes without one is not missed', () => {
    const streams = live(10);
    streams.receive({ type: 'unsubscribed', producer_id: '7', reason: 'subscription-ended' });
    streams.lost();
    expect(streams.receive(welcome(50))).toEqual([]);
  });

  test('a position beyond what was delivered is a hole, unless narrowing explains it', () => {
    const position = { type: 'position', producer_id: '7', epoch: 'e', seq: 12 } as const;
    expect(live(10).receive(position)).toEqual([missed(11, 12)]);
    const narrowed = live(10);
    narrowed.subscribe('7', 'd');
    expect(narrowed.receive(position)).toEqual([]);
  });
});
