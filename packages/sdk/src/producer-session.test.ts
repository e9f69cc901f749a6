import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryQueue } from './memory-queue.ts';
import {
  inFlight,
  newProducerSession,
  type ProducerAction,
  type ProducerEvent,
  type ProducerSession,
  sendLimits,
  stepProducer,
} from './producer-session.ts';
import type { QueuedReading } from './reading-queue.ts';

const reading = (deviceId: string, value: number) => ({
  deviceId,
  timestamp: '2026-01-01T00:00:00Z',
  dataText: `{"value":${value}}`,
  sequence: undefined,
});

/** A gateway as the contract describes it: stores by sequence, acknowledges cumulatively, tells the first repeat. */
class Gateway {
  readonly stored: QueuedReading[] = [];
  readonly last = new Map<string, number>();
  arriving: QueuedReading[] = [];
  #received = 0;
  #repeatTold = false;

  connect(): void {
    this.arriving = [];
    this.#received = 0;
    this.#repeatTold = false;
  }

  /** Stores the next readings and gives what it says about them. */
  take(count: number): ProducerEvent[] {
    const events: ProducerEvent[] = [];
    const taken = this.arriving.splice(0, count);
    for (const next of taken) {
      this.#received += 1;
      const last = this.last.get(next.deviceId) ?? 0;
      if (next.sequence !== undefined && next.sequence <= last) {
        if (!this.#repeatTold) {
          events.push({ type: 'repeat', device_id: next.deviceId, sequence: last });
        }
        this.#repeatTold = true;
        continue;
      }
      if (next.sequence !== undefined) this.last.set(next.deviceId, next.sequence);
      this.stored.push(next);
    }
    if (taken.length > 0) events.push({ type: 'ack', through: this.#received });
    return events;
  }
}

/** A session with a queue and a gateway, where the test decides when anything arrives. */
class Run {
  session: ProducerSession = newProducerSession;
  readonly said: ProducerAction[] = [];
  readonly gateway: Gateway;
  readonly queue: MemoryQueue;
  #wantsReconnect = false;

  constructor(gateway = new Gateway(), queue = new MemoryQueue()) {
    this.gateway = gateway;
    this.queue = queue;
  }

  async step(event: ProducerEvent, now = 0): Promise<void> {
    const { session, actions } = stepProducer(this.session, event, now);
    this.session = session;
    for (const action of actions) await this.#do(action);
  }

  async connect(): Promise<void> {
    this.gateway.connect();
    await this.step({ type: 'opened' });
    await this.#reconnectIfAsked();
  }

  async append(deviceId: string, values: number[]): Promise<void> {
    await this.queue.append(
      values.map((value) => reading(deviceId, value)),
      { number: true },
    );
    await this.step({ type: 'appended' });
    await this.#reconnectIfAsked();
  }

  /** The gateway stores some readings; what it says about them may be lost with the connection. */
  async take(count: number, heard = true): Promise<void> {
    const events = this.gateway.take(count);
    if (!heard) return;
    for (const event of events) await this.step(event);
    await this.#reconnectIfAsked();
  }

  async finish(): Promise<void> {
    await this.step({ type: 'lost' });
    await this.connect();
    for (let turn = 0; turn < 10_000 && this.queue.size().readings > 0; turn += 1) await this.take(1_000);
  }

  async #reconnectIfAsked(): Promise<void> {
    if (!this.#wantsReconnect) return;
    this.#wantsReconnect = false;
    await this.step({ type: 'lost' });
    await this.connect();
  }

  async #do(action: ProducerAction): Promise<void> {
    switch (action.type) {
      case 'read': {
        const readings = await this.queue.read(action.afterId, action.limit, action.maxBytes);
        const devices = [...new Set(readings.map(({ deviceId }) => deviceId))];
        const numberings = new Map(
          await Promise.all(devices.map(async (id) => [id, await this.queue.numbering(id)] as const)),
        );
        return this.step({ type: 'readings', connection: action.connection, readings, numberings });
      }
      case 'send':
        this.gateway.arriving.push(...action.readings);
        return;
      case 'settled':
        this.said.push(action);
        return this.queue.removeThrough(action.throughId);
      case 'confirm':
        await this.queue.confirmNumbering(action.deviceId);
        return this.step({ type: 'confirmed' });
      case 'repeat':
        this.said.push(action);
        if (!action.renumber) return;
        await this.queue.renumber(action.deviceId, action.sequence);
        this.#wantsReconnect = true;
        return;
      case 'reconnect':
        this.#wantsReconnect = true;
        return;
      default:
        this.said.push(action);
    }
  }
}

const values = (stored: readonly QueuedReading[], deviceId: string) =>
  stored.filter((entry) => entry.deviceId === deviceId).map(({ dataText }) => dataText);
const texts = (count: number) => Array.from({ length: count }, (_, at) => `{"value":${at + 1}}`);
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe('a producer session', () => {
  test('sends the first reading of a connection alone and the rest packed once it is settled', async () => {
    const run = new Run();
    await run.append('a', upTo(1_200));
    await run.connect();
    expect(run.gateway.arriving).toHaveLength(1);
    await run.take(1);
    expect(run.gateway.arriving).toHaveLength(1_199);
    expect(run.session.frames.map(({ readings }) => readings.length)).toEqual([500, 500, 199]);
  });

  test('keeps what is unacknowledged below the window', async () => {
    const run = new Run(new Gateway(), new MemoryQueue({ maxReadings: 20_000 }));
    await run.append('a', upTo(20_000));
    await run.connect();
    await run.take(1);
    expect(inFlight(run.session)).toBe(sendLimits.readingsInFlight);
    await run.take(400);
    expect(inFlight(run.session)).toBeLessThanOrEqual(sendLimits.readingsInFlight);
    expect(run.session.sent).toBeGreaterThan(8_001);
  });

  test('keeps frames below 200 KiB', async () => {
    const run = new Run();
    const dataText = `{"text":"${'x'.repeat(15_000)}"}`;
    await run.queue.append(
      upTo(40).map((value) => ({ ...reading('a', value), dataText })),
      { number: true },
    );
    await run.connect();
    await run.take(1);
    for (const { readings } of run.session.frames) {
      expect(readings.reduce((sum, entry) => sum + entry.dataText.length, 0)).toBeLessThan(sendLimits.frameBytes);
    }
    expect(run.session.frames.length).toBeGreaterThan(2);
  });

  test('an acknowledgement in the middle of a frame settles only what it covers', async () => {
    const run = new Run();
    await run.append('a', upTo(11));
    await run.connect();
    await run.take(1);
    await run.take(4);
    expect(inFlight(run.session)).toBe(6);
    expect(run.queue.size().readings).toBe(6);
  });

  test('an acknowledgement of more than was sent ends the connection and settles nothing', async () => {
    const run = new Run();
    await run.append('a', [1]);
    await run.connect();
    await run.step({ type: 'ack', through: 2 });
    expect(run.said).toEqual([{ type: 'cut' }]);
    expect(run.queue.size().readings).toBe(1);
  });

  test('after a lost acknowledgement the resend is stored once', async () => {
    const run = new Run();
    await run.append('a', upTo(5));
    await run.connect();
    await run.take(1);
    await run.take(4, false);
    await run.finish();
    expect(values(run.gateway.stored, 'a')).toEqual(texts(5));
    expect(run.said).toContainEqual({ type: 'repeat', deviceId: 'a', sequence: 5, renumber: false });
  });

  test('a first reading whose acknowledgement is lost is not renumbered', async () => {
    const run = new Run();
    await run.append('a', [1, 2]);
    await run.connect();
    await run.take(1, false);
    await run.finish();
    expect(values(run.gateway.stored, 'a')).toEqual(texts(2));
  });

  test('a queue that lost its disk continues above what the server has, without losing what it queued meanwhile', async () => {
    const gateway = new Gateway();
    gateway.last.set('a', 1_000);
    const run = new Run(gateway);
    await run.append('a', upTo(2_000));
    await run.connect();
    await run.finish();
    expect(values(gateway.stored, 'a')).toEqual(texts(2_000));
    expect(gateway.stored[0]?.sequence).toBe(1_001);
    expect(run.said).toContainEqual({ type: 'repeat', deviceId: 'a', sequence: 1_000, renumber: true });
  });

  test('a new queue’s first reading is not taken for the only one that the server has', async () => {
    const gateway = new Gateway();
    gateway.last.set('a', 1);
    const run = new Run(gateway);
    await run.append('a', [1]);
    await run.finish();
    expect(values(gateway.stored, 'a')).toEqual(texts(1));
  });

  test('several devices that fell behind are each noticed', async () => {
    const gateway = new Gateway();
    for (const device of ['a', 'b', 'c']) gateway.last.set(device, 50);
    const run = new Run(gateway);
    for (const value of upTo(20)) for (const device of ['a', 'b', 'c']) await run.append(device, [value]);
    await run.connect();
    await run.finish();
    for (const device of ['a', 'b', 'c']) expect(values(gateway.stored, device)).toEqual(texts(20));
  });

  test('a refused reading is reported once, also when it is refused again after a reconnect', async () => {
    const run = new Run();
    await run.append('a', [1, 2]);
    await run.connect();
    const error = { type: 'error', kind: 'not-found', detail: 'no such device', reading: 1 } as const;
    await run.step(error);
    await run.step({ type: 'lost' });
    await run.connect();
    await run.step(error);
    await run.step({ type: 'ack', through: 1 });
    expect(run.said.filter(({ type }) => type === 'refused')).toHaveLength(1);
    expect(run.queue.size().readings).toBe(1);
    expect(run.session.refusedIds.size).toBe(0);
  });

  test('a link without progress for 30 s is cut, an idle one is not', async () => {
    const run = new Run();
    await run.connect();
    await run.step({ type: 'tick' }, 100_000);
    expect(run.said).toEqual([]);
    await run.append('a', [1]);
    await run.step({ type: 'tick' }, 30_001);
    expect(run.said).toEqual([{ type: 'cut' }]);
  });

  test('nothing is sent while the socket is congested', async () => {
    const run = new Run();
    await run.connect();
    await run.step({ type: 'congested' });
    await run.append('a', [1]);
    expect(run.gateway.arriving).toHaveLength(0);
    await run.step({ type: 'drained' });
    expect(run.gateway.arriving).toHaveLength(1);
  });

  test('whatever is cut, lost or behind, every reading is stored exactly once and in order', async () => {
    const device = fc.constantFrom('a', 'b', 'c');
    const command = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), device, count: fc.nat(700) }) },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('take' as const), count: fc.nat(900), heard: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), again: fc.boolean() }) },
    );
    const behind = fc.dictionary(device, fc.integer({ min: 2, max: 3_000 }));
    await fc.assert(
      fc.asyncProperty(behind, fc.array(command, { maxLength: 40 }), async (lasts, commands) => {
        const gateway = new Gateway();
        for (const [id, last] of Object.entries(lasts)) gateway.last.set(id, last);
        const run = new Run(gateway, new MemoryQueue({ maxReadings: 100_000 }));
        const counts = new Map<string, number>();
        for (const next of commands) {
          if (next.do === 'append') {
            const from = counts.get(next.device) ?? 0;
            counts.set(next.device, from + next.count);
            await run.append(
              next.device,
              upTo(next.count).map((value) => from + value),
            );
          } else if (next.do === 'take') {
            await run.take(next.count, next.heard);
            // What the gateway said is lost, so the connection is, too.
            if (!next.heard) await run.step({ type: 'lost' });
          } else {
            await run.step({ type: 'lost' });
            if (next.again) await run.connect();
          }
        }
        await run.finish();
        expect(run.queue.size().readings).toBe(0);
        for (const [id, count] of counts) expect(values(gateway.stored, id)).toEqual(texts(count));
      }),
      { numRuns: 150 },
    );
  });
});
