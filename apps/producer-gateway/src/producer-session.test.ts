import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  abandon,
  exceededBound,
  type FlushPart,
  noteRepeat,
  type ProducerSession,
  queueReading,
  settle,
  startSession,
  takePending,
  takeRepeat,
} from './producer-session.ts';

const rate = { perSecond: 1, burst: 1 };

function session(): ProducerSession {
  return startSession('1', rate, 0);
}

/** As `receiveReadings` does it: everything counts, what is not refused is queued. */
function receive(
  to: ProducerSession,
  sequence: number | undefined,
  options: { deviceId?: string; refused?: boolean } = {},
) {
  const { deviceId = 'a', refused = false } = options;
  to.received += 1;
  if (!refused) queueReading(to, { deviceId, sequence, body: String(to.received) });
}

/** Takes what waits, with room for many bytes unless said otherwise. */
const takeWaiting = (from: ProducerSession, most = 10, maxBytes = 1_000_000) => takePending(from, most, maxBytes);

const bodies = ({ readings }: FlushPart) => readings.map(({ body }) => Number(body));

type Step =
  | { kind: 'receive'; deviceId: string; sequence: number | undefined; refused: boolean }
  | { kind: 'take'; most: number; maxBytes: number }
  | { kind: 'settle' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('receive' as const),
    deviceId: fc.constantFrom('a', 'b'),
    sequence: fc.option(fc.nat(8), { nil: undefined }),
    refused: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('take' as const),
    most: fc.integer({ min: 1, max: 4 }),
    maxBytes: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({ kind: fc.constant('settle' as const) }),
);

describe('acknowledgements', () => {
  it('only grow, never cover what is not stored, and cover everything in the end', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const state = session();
        const stored = new Set<number>();
        const toBeStored = new Set<number>();
        const taken: number[] = [];
        let underWay: FlushPart | undefined;
        const comeBack = () => {
          if (!underWay) return;
          for (const body of bodies(underWay)) stored.add(body);
          const before = state.settled;
          settle(underWay);
          underWay = undefined;
          expect(state.settled).toBeGreaterThanOrEqual(before);
          expect([...toBeStored].filter((number) => number <= state.settled && !stored.has(number))).toEqual([]);
        };
        const take = (most: number, maxBytes = 1_000_000) => {
          if (underWay) return;
          underWay = takeWaiting(state, most, maxBytes);
          taken.push(...bodies(underWay));
        };
        for (const next of steps) {
          if (next.kind === 'settle') comeBack();
          else if (next.kind === 'take') take(next.most, next.maxBytes);
          else {
            const waiting = state.pending.length;
            receive(state, next.sequence, next);
            if (state.pending.length > waiting) toBeStored.add(state.received);
          }
        }
        comeBack();
        while (state.settled < state.received) {
          take(4);
          comeBack();
        }
        expect(taken).toEqual([...toBeStored]);
        expect(state.settled).toBe(state.received);
        expect({ waiting: state.pendingBytes, underWay: state.flushingBytes }).toEqual({ waiting: 0, underWay: 0 });
      }),
    );
  });

  it('of a flush that left readings behind cover no more than it took', () => {
    const state = session();
    for (const refused of [true, false, true, false, false]) receive(state, undefined, { refused });
    const part = takeWaiting(state, 2);
    expect(bodies(part)).toEqual([2, 4]);
    settle(part);
    expect(state.settled).toBe(2);
  });
});

describe('a flush', () => {
  it('takes no further reading once it has the bytes it may have, counted as UTF-8', () => {
    const state = session();
    for (const body of ['ééé', 'xx', 'x']) {
      state.received += 1;
      queueReading(state, { deviceId: 'a', sequence: undefined, body });
    }
    expect(takeWaiting(state, 10, 7)).toMatchObject({
      readings: [{ body: 'ééé' }, { body: 'xx' }],
      bytes: 8,
      through: 2,
    });
    expect(takeWaiting(state, 10, 7)).toMatchObject({ readings: [{ body: 'x' }], bytes: 1, through: 3 });
  });
});

describe('a sequence', () => {
  it('is queued only if it is above all that its device sent on this connection', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ deviceId: fc.constantFrom('a', 'b'), sequence: fc.nat(20) })), (readings) => {
        const state = session();
        for (const { deviceId, sequence } of readings) receive(state, sequence, { deviceId });
        for (const deviceId of ['a', 'b']) {
          const queued = state.pending.filter((reading) => reading.deviceId === deviceId);
          const growing = readings.filter(
            (reading, at) =>
              reading.deviceId === deviceId &&
              readings.slice(0, at).every((other) => other.deviceId !== deviceId || other.sequence < reading.sequence),
          );
          expect(queued.map(({ sequence }) => sequence)).toEqual(growing.map(({ sequence }) => sequence));
        }
      }),
    );
  });
});

describe('a repeat', () => {
  it('is not told before the sequence it names is stored, and then once', () => {
    const state = session();
    receive(state, 1);
    const first = takeWaiting(state);
    receive(state, 2);
    receive(state, 2);
    settle(first);
    expect(takeRepeat(state)).toBeUndefined();
    settle(takeWaiting(state));
    expect(takeRepeat(state)).toMatchObject({ deviceId: 'a', sequence: 2 });
    receive(state, 1);
    settle(takeWaiting(state));
    expect(takeRepeat(state)).toBeUndefined();
  });

  it('of what was stored before the connection is told first', () => {
    const state = session();
    receive(state, 5);
    receive(state, 5);
    noteRepeat(state, { deviceId: 'b', sequence: 9, after: 0 });
    expect(takeRepeat(state)).toMatchObject({ deviceId: 'b', sequence: 9 });
  });
});

describe('a session that is given up', () => {
  it('stores nothing more', () => {
    const state = session();
    receive(state, 1);
    abandon(state);
    expect({ isOver: state.isOver, taken: bodies(takeWaiting(state)) }).toEqual({ isOver: true, taken: [] });
  });

  it('settles nothing more, with whatever flush it goes along', () => {
    const state = session();
    for (let count = 0; count < 3; count += 1) receive(state, undefined);
    settle(takeWaiting(state, 1));
    takeWaiting(state, 1);
    abandon(state);
    const part = takeWaiting(state);
    settle(part);
    expect({ through: part.through, settled: state.settled }).toEqual({ through: 1, settled: 1 });
  });
});

describe('the bounds on what is unacknowledged', () => {
  const bounds = { unacknowledgedReadings: 3, unacknowledgedBytes: 10 };

  it('count readings until they are settled', () => {
    const state = session();
    for (let count = 0; count < 3; count += 1) receive(state, undefined);
    expect(exceededBound(state, bounds)).toBeUndefined();
    const part = takeWaiting(state);
    receive(state, undefined, { refused: true });
    expect(exceededBound(state, bounds)).toBe('more than 3 readings unacknowledged');
    settle(part);
    expect(exceededBound(state, bounds)).toBeUndefined();
  });

  it('count bytes that wait and bytes under way', () => {
    const state = session();
    const queue = (bytes: number) => {
      state.received += 1;
      queueReading(state, { deviceId: 'a', sequence: undefined, body: 'x'.repeat(bytes) });
    };
    queue(6);
    const part = takeWaiting(state);
    queue(4);
    expect(exceededBound(state, bounds)).toBeUndefined();
    queue(1);
    expect(exceededBound(state, bounds)).toBe('more than 10 bytes unacknowledged');
    settle(part);
    expect(exceededBound(state, bounds)).toBeUndefined();
  });
});
