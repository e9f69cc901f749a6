import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryQueue } from './memory-queue.ts';
import {
  newProducerSession,
  type ProducerAction,
  type ProducerEvent,
  type ProducerSession,
  stepProducer,
} from './producer-session.ts';
import type { QueuedReading } from './reading-queue.ts';

/** The gateway refuses each reading with such a value for good. */
const isRefused = (value: number) => value % 5 === 1;
const valueIn = ({ dataText }: { dataText: string }): number => JSON.parse(dataText).value;

/** A gateway as the contract has it, with the frames of its present connection that it has not dealt with. */
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

  take(count: number): ProducerEvent[] {
    const events: ProducerEvent[] = [];
    const taken = this.arriving.splice(0, count);
    for (const reading of taken) {
      this.#received += 1;
      const { deviceId, sequence = 0 } = reading;
      const last = this.last.get(deviceId) ?? 0;
      if (isRefused(valueIn(reading))) {
        const error = { kind: 'not-found', detail: 'no such device', reading: this.#received } as const;
        events.push({ type: 'error', ...error });
      } else if (sequence > last) {
        this.last.set(deviceId, sequence);
        this.stored.push(reading);
      } else if (!this.#repeatTold) {
        this.#repeatTold = true;
        events.push({ type: 'repeat', device_id: deviceId, sequence: last });
      }
    }
    if (taken.length > 0) events.push({ type: 'ack', through: this.#received });
    return events;
  }
}

/** A session, its queue and a gateway. The queue's work is done in the order it was asked for, but when the test says. */
class Run {
  readonly gateway = new Gateway();
  readonly queue = new MemoryQueue({ maxReadings: 1_000_000, maxBytes: 2 ** 40 });
  readonly settled: QueuedReading[] = [];
  readonly refused: QueuedReading[] = [];
  readonly dropped = new Set<string>();
  /** On how many connections each reading was sent. */
  readonly sent = new Map<number, number>();
  #session: ProducerSession = newProducerSession;
  #work: (() => Promise<void>)[] = [];
  #isConnected = false;

  connect(): void {
    this.gateway.connect();
    this.#isConnected = true;
    this.#step({ type: 'opened' });
  }

  lose(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.gateway.arriving = [];
    this.#step({ type: 'lost' });
  }

  append(deviceId: string, from: number, count: number): void {
    const readings = Array.from({ length: count }, (_, at) => ({
      deviceId,
      timestamp: '2026-01-01T00:00:00Z',
      dataText: `{"value":${from + at}}`,
      // One of the devices numbers for itself.
      sequence: deviceId === 'own' ? from + at : undefined,
    }));
    this.#work.push(async () => {
      await this.queue.append(readings, { number: true });
      this.#step({ type: 'appended' });
    });
  }

  dropOldest(count: number): void {
    this.#work.push(async () => {
      for (const { deviceId, dataText } of await this.queue.read(0, count, Number.POSITIVE_INFINITY)) {
        this.dropped.add(deviceId + dataText);
      }
      await this.queue.removeOldest(count);
    });
  }

  /** The gateway deals with some readings; of what it says so many are heard, the rest is lost with the connection. */
  take(count: number, heard: number): void {
    if (!this.#isConnected) return;
    const events = this.gateway.take(count);
    for (const event of events.slice(0, heard)) if (this.#isConnected) this.#step(event);
    if (heard < events.length) this.lose();
  }

  congest(isCongested: boolean): void {
    if (this.#isConnected) this.#step({ type: isCongested ? 'congested' : 'drained' });
  }

  async doWork(count: number): Promise<void> {
    for (const work of this.#work.splice(0, count)) await work();
  }

  async finish(): Promise<void> {
    this.lose();
    await this.doWork(Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < 2_000 && this.queue.size().readings > 0; turn += 1) {
      if (!this.#isConnected) this.connect();
      await this.doWork(Number.POSITIVE_INFINITY);
      this.take(1_000, Number.POSITIVE_INFINITY);
    }
  }

  #step(event: ProducerEvent): void {
    const { session, actions } = stepProducer(this.#session, event, 0);
    this.#session = session;
    for (const action of actions) this.#do(action);
  }

  #do(action: ProducerAction): void {
    switch (action.type) {
      case 'read':
        this.#work.push(() => this.#read(action));
        return;
      case 'send':
        for (const { id } of action.readings) {
          expect(id).toBeGreaterThan(this.settled.at(-1)?.id ?? 0);
          this.sent.set(id, (this.sent.get(id) ?? 0) + 1);
        }
        if (this.#isConnected) this.gateway.arriving.push(...action.readings);
        return;
      case 'settled':
        this.settled.push(...action.readings);
        this.#work.push(() => this.queue.removeThrough(action.throughId));
        return;
      case 'refused':
        this.refused.push(action.reading);
        return;
      case 'confirm':
        this.#work.push(async () => {
          await this.queue.confirmNumbering(action.deviceId);
          this.#step({ type: 'confirmed' });
        });
        return;
      case 'repeat':
        if (!action.renumber) return;
        this.#work.push(async () => {
          await this.queue.renumber(action.deviceId, action.sequence);
          this.#reconnect();
        });
        return;
      case 'reconnect':
      case 'cut':
        this.#reconnect();
        return;
      case 'error':
        throw new Error(`the session does not know its own reading: ${JSON.stringify(action.frame)}`);
    }
  }

  #reconnect(): void {
    if (!this.#isConnected) return;
    this.lose();
    this.connect();
  }

  async #read({ connection, afterId, limit, maxBytes }: Extract<ProducerAction, { type: 'read' }>): Promise<void> {
    const readings = await this.queue.read(afterId, limit, maxBytes);
    const devices = [...new Set(readings.filter(({ numbered }) => numbered).map(({ deviceId }) => deviceId))];
    const numberings = new Map(
      await Promise.all(devices.map(async (id) => [id, await this.queue.numbering(id)] as const)),
    );
    this.#step({ type: 'readings', connection, readings, numberings });
  }
}

const device = fc.constantFrom('a', 'b', 'own');
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append'), device, count: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('work'), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('take'), count: fc.nat(900), heard: fc.constantFrom(0, 1, 3, 1e6, 1e6) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop'), count: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('congest'), is: fc.boolean() }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

async function obey(run: Run, next: Command, counts: Map<string, number>): Promise<void> {
  if ('device' in next) {
    const from = (counts.get(next.device) ?? 0) + 1;
    counts.set(next.device, from - 1 + next.count);
    run.append(next.device, from, next.count);
  } else if ('heard' in next) run.take(next.count, next.heard);
  else if ('is' in next) run.congest(next.is);
  else if (next.do === 'work') await run.doWork(next.count);
  else if (next.do === 'drop') run.dropOldest(next.count);
  else {
    run.lose();
    if (next.do === 'connect') run.connect();
  }
}

test('whatever is lost, late, refused, dropped or behind: what was not dropped is stored once, in order, and settled once', async () => {
  const behind = fc.dictionary(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 3_000 }));
  await fc.assert(
    fc.asyncProperty(behind, fc.array(command, { maxLength: 60 }), async (lasts, commands) => {
      const run = new Run();
      for (const [id, last] of Object.entries(lasts)) run.gateway.last.set(id, last);
      const counts = new Map<string, number>();
      for (const next of commands) await obey(run, next, counts);
      await run.finish();

      expect(run.queue.size().readings).toBe(0);
      const settledIds = run.settled.map(({ id }) => id);
      expect(settledIds).toEqual([...new Set(settledIds)].sort((one, other) => one - other));
      for (const [deviceId, count] of counts) {
        const sent = Array.from({ length: count }, (_, at) => at + 1);
        const stored = run.gateway.stored.filter((reading) => reading.deviceId === deviceId).map(valueIn);
        const refused = run.refused.filter((reading) => reading.deviceId === deviceId).map(valueIn);
        const isDropped = (value: number) => run.dropped.has(`${deviceId}{"value":${value}}`);
        // Sent, not answered, sent again, and the very number that the server had before: that is taken for a repeat.
        const unclear = run.settled.find(
          (reading) =>
            reading.deviceId === deviceId &&
            reading.sequence === lasts[deviceId] &&
            Number(run.sent.get(reading.id)) > 1,
        );
        // A dropped reading may have been under way: then it counts as dropped, and is stored all the same.
        expect(stored.filter((value) => !isDropped(value))).toEqual(
          sent.filter((value) => !isDropped(value) && !isRefused(value) && !(unclear && valueIn(unclear) === value)),
        );
        expect(stored).toEqual([...new Set(stored)].sort((one, other) => one - other));
        expect(refused.filter((value) => !isDropped(value))).toEqual(
          sent.filter((value) => !isDropped(value) && isRefused(value)),
        );
      }
    }),
    { numRuns: 120 },
  );
});
