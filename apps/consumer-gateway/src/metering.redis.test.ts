import type { CreditChange } from '@motience/stream-log';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { CreditOffice } from './credit-office.fixture.ts';

let corner: StreamCorner;
let office: CreditOffice;
let url: string;
let lastSubscription = 0;

beforeAll(async () => {
  corner = await StreamCorner.open();
  office = new CreditOffice(corner);
  url = `ws://127.0.0.1:${await corner.run('consumer-gateway').listening}/consumer`;
});
afterAll(() => corner.close());

async function open({ token }: TestAccount, query = '', at = url): Promise<TestSocket> {
  const socket = await TestSocket.open(at, { token, query });
  onTestFinished(() => socket.close());
  await eventually(() => expect(socket.ofType('welcome')).toHaveLength(1));
  return socket;
}

/** A producer, and a consumer whose subscription to it is metered. */
async function metered() {
  lastSubscription += 1;
  const subscription = String(1_000 + lastSubscription);
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer');
  await grant(consumer, producer, subscription);
  return { producer, consumer, subscription };
}

const grant = (consumer: TestAccount, producer: TestAccount, subscriptionId: string) =>
  corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: producer.id, since: 0, subscriptionId });

const many = (count: number, from = 1) => Array.from({ length: count }, (_, at) => ({ n: from + at }));
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const seqs = (socket: TestSocket) => socket.readings.map(({ seq }) => seq);
/** All frames but the first, and but positions, which come with time; readings by their seq, also those of packs. */
const told = (socket: TestSocket) =>
  socket.framesButPositions
    .slice(1)
    .flat()
    .map((frame) => (frame.type === undefined ? frame.seq : [frame.type, frame.reason ?? frame.seq]));

describe('a live stream', () => {
  it('ends exactly where its credit does, within a batch, and goes on there once there is more', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 7, state: 'stopped', reason: 'insufficient-funds' });
    const socket = await open(consumer);
    await corner.publish(producer.id, many(10));
    await eventually(() => expect(told(socket)).toEqual([...numbers(1, 7), ['unsubscribed', 'insufficient-funds']]));
    await corner.publish(producer.id, many(5));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-7']));
    expect(await office.credit(subscription)).toMatchObject({ left: 0, leased: 0, reported: 0 });

    await office.give(subscription, { units: 100 });
    const resumed = [...numbers(1, 7), ['unsubscribed', 'insufficient-funds'], ['subscribed', 7], ...numbers(8, 15)];
    await eventually(() => expect(told(socket)).toEqual(resumed));
    expect(socket.ofType('subscribed')).toMatchObject([{ recovered: true, seq: 7 }]);
    await corner.publish(producer.id, many(2));
    await eventually(() => expect(told(socket)).toEqual([...resumed, 16, 17]));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-17']));
    expect(await office.spent(subscription)).toBe(17);
  });

  it('ends at the byte where its credit is counted in bytes', async () => {
    const { producer, consumer, subscription } = await metered();
    const size = Buffer.byteLength(corner.readingText(producer.id, { n: 1 }));
    await office.give(subscription, {
      unit: 'bytes',
      units: 3 * size + size - 1,
      state: 'stopped',
      reason: 'quota-reached',
    });
    const socket = await open(consumer);
    await corner.publish(producer.id, many(9));
    await eventually(() => expect(told(socket)).toEqual([1, 2, 3, ['unsubscribed', 'quota-reached']]));
    await office.give(subscription, { unit: 'bytes', units: 1 });
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3, 4]));
    await eventually(async () =>
      expect(await office.delivered(subscription)).toMatchObject([
        { from: 1, to: 4, bytesBefore: 0, bytesThrough: 4 * size },
      ]),
    );
  });

  it('goes on for a socket that has credit left while another one waits for more than that', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { unit: 'bytes', units: 15_000, state: 'stopped', reason: 'insufficient-funds' });
    const [whole, narrowed] = [await open(consumer), await open(consumer, 'mode=manual')];
    narrowed.send({ type: 'subscribe', producer_id: producer.id, device_id: 'b' });
    await eventually(() => expect(narrowed.ofType('subscribed')).toHaveLength(1));
    await corner.publish(producer.id, [{ text: 'x'.repeat(16_000) }]);
    await eventually(() => expect(told(whole)).toEqual([['unsubscribed', 'insufficient-funds']]));
    for (const seq of [2, 3, 4]) {
      await corner.publish(producer.id, [{ n: seq }], 'b');
      await eventually(() => expect(seqs(narrowed)).toEqual(numbers(2, seq)));
      // The answer to what is reported says again how little is left.
      await eventually(async () => expect(await office.ranges(subscription)).toEqual([`2-${seq}`]));
    }
    whole.close();
    await corner.publish(producer.id, [{ n: 5 }], 'b');
    await eventually(() => expect(seqs(narrowed)).toEqual(numbers(2, 5)));
    expect(narrowed.ofType('unsubscribed')).toEqual([]);
  });

  it('goes on without a word when its credit only comes in small parts', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 3 });
    const socket = await open(consumer);
    await corner.publish(producer.id, many(12));
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3]));
    await office.give(subscription, { units: 4 });
    await eventually(() => expect(seqs(socket)).toEqual(numbers(1, 7)));
    await corner.publish(producer.id, many(3));
    await office.give(subscription, { units: 100 });
    await eventually(() => expect(seqs(socket)).toEqual(numbers(1, 15)));
    expect(told(socket)).toEqual(numbers(1, 15));
  });

  it('is told where it stands while it waits for credit, again and again', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 3 });
    const sockets = [await open(consumer), await open(consumer, 'mode=manual')];
    const [live, asked] = sockets;
    await corner.publish(producer.id, many(5));
    await eventually(() => expect(live && seqs(live)).toEqual([1, 2, 3]));
    const { epoch } = await corner.head(producer.id);
    asked?.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 1 });
    const position = (seq: number) => ({ type: 'position', producer_id: producer.id, epoch, seq });
    await eventually(() => expect(live?.ofType('position').slice(0, 2)).toEqual([position(3), position(3)]));
    await eventually(() => expect(asked?.frames.at(-1)).toEqual(position(1)));
    await office.give(subscription, { units: 100 });
    for (const socket of sockets) await eventually(() => expect(seqs(socket).at(-1)).toBe(5));
    expect(live?.ofType('subscribed')).toEqual([]);
    expect(asked?.ofType('subscribed')).toMatchObject([{ seq: 1, recovered: true }]);
  });

  it('brings nothing before there is credit, and wants it', async () => {
    const { producer, consumer, subscription } = await metered();
    const socket = await open(consumer);
    await corner.publish(producer.id, many(4));
    await eventually(async () =>
      expect((await office.log.read(100)).flatMap(({ wants }) => wants)).toContain(subscription),
    );
    expect(told(socket)).toEqual([]);
    await office.give(subscription, { units: 10 });
    await eventually(() => expect(told(socket)).toEqual([1, 2, 3, 4]));
  });

  it('tells a socket that opens when there is nothing left, and goes on with it too', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { state: 'stopped', reason: 'spending-limit' });
    const sockets = [await open(consumer), await open(consumer, 'mode=manual')];
    sockets[1]?.send({ type: 'subscribe', producer_id: producer.id });
    for (const socket of sockets) {
      await eventually(() => expect(told(socket)).toEqual([['unsubscribed', 'spending-limit']]));
    }
    await corner.publish(producer.id, many(2));
    await office.give(subscription, { units: 10 });
    for (const socket of sockets) {
      await eventually(() => expect(told(socket).slice(1)).toEqual([['subscribed', 0], 1, 2]));
    }
  });

  it('is shared by all sockets of its consumer: they use its credit up once, and it is reported once', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 20, state: 'stopped', reason: 'insufficient-funds' });
    const sockets = await Promise.all([open(consumer), open(consumer, 'packed=true'), open(consumer)]);
    for (let round = 0; round < 5; round += 1) await corner.publish(producer.id, many(5));
    const readings = (socket: TestSocket) => socket.frames.flat().flatMap(({ seq, type }) => (type ? [] : [seq]));
    for (const socket of sockets) {
      await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
      expect(readings(socket)).toEqual(numbers(1, 20));
    }
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-20']));
    expect(await office.spent(subscription)).toBe(20);
  });

  it('warns when little is left, once for each', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 100 });
    const socket = await open(consumer);
    await corner.publish(producer.id, many(1));
    await eventually(() => expect(seqs(socket)).toEqual([1]));
    for (const warning of [20, 20, 5]) await office.give(subscription, { units: 1, warning });
    const balance = (percent: number) => ({ type: 'balance', producer_id: producer.id, percent_left: percent });
    await eventually(() => expect(socket.ofType('balance').at(-1)).toEqual(balance(5)));
    expect(socket.ofType('balance').length).toBeLessThanOrEqual(2);
  });

  it('that lasts for a time ends with it', async () => {
    const { producer, consumer, subscription } = await metered();
    const end = { unit: 'time', state: 'stopped', reason: 'insufficient-funds' } as const;
    await office.give(subscription, { ...end, untilMs: Date.now() + 1_500 });
    const socket = await open(consumer);
    await corner.publish(producer.id, many(3));
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3]));
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    await corner.publish(producer.id, many(1));
    await office.give(subscription, { unit: 'time', untilMs: Date.now() + 60_000 });
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3, 4]));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-4']));
  });
});

describe('a position that is resumed on credit of time', () => {
  const resumeAll = async (consumer: TestAccount, producer: TestAccount, epoch: string) => {
    const socket = await open(consumer, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 0 });
    return socket;
  };
  const gaps = (socket: TestSocket) => socket.ofType('gap').map(({ from, to, reason }) => [from, to, reason]);

  it('brings what billing says is paid for, once it was asked for that, and names the rest in a gap', async () => {
    const { producer, consumer, subscription } = await metered();
    const time = { unit: 'time', untilMs: Date.now() + 60_000 } as const;
    await office.give(subscription, { ...time, coveredFromMs: Date.now() + 5_000 });
    const startedAt = Date.now();
    await corner.publish(producer.id, many(3));
    await eventually(() => expect(Date.now()).toBeGreaterThan(startedAt + 50));
    const between = Date.now();
    await corner.publish(producer.id, many(2));
    const { epoch } = await corner.head(producer.id);
    const socket = await resumeAll(consumer, producer, epoch);
    await eventually(async () => {
      const { toCoverFromMs } = await office.credit(subscription);
      expect(Math.abs((toCoverFromMs ?? 0) - startedAt)).toBeLessThan(1_000);
    });
    expect(seqs(socket)).toEqual([]);
    const answer = { coveredFromMs: between, answeredCoverMs: 0 };
    await office.give(subscription, { ...time, ...answer });
    await eventually(() => expect(seqs(socket)).toEqual([4, 5]));
    expect(gaps(socket)).toEqual([[1, 3, 'not-entitled']]);

    // What is covered further back is given without being asked for.
    await office.give(subscription, { ...time, coveredFromMs: startedAt - 1_000 });
    const again = await resumeAll(consumer, producer, epoch);
    await eventually(() => expect(seqs(again)).toEqual([1, 2, 3, 4, 5]));
    expect(gaps(again)).toEqual([]);
    expect(await office.credit(subscription)).toMatchObject({ toCoverFromMs: undefined });
  });

  it('brings everything on credit of any other kind', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 10, coveredFromMs: Date.now() + 5_000 });
    await corner.publish(producer.id, many(3));
    const { epoch } = await corner.head(producer.id);
    const socket = await resumeAll(consumer, producer, epoch);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3]));
  });
});

describe('what is reported', () => {
  it('is everything, however soon sockets are closed again', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { unit: 'unlimited' });
    for (let round = 0; round < 4; round += 1) {
      const socket = await open(consumer);
      await corner.publish(producer.id, many(5));
      await eventually(() => expect(seqs(socket)).toHaveLength(5));
      socket.close();
    }
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-20']));
  });

  it('is what was asked for again from the past, and only that', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 1_000 });
    await corner.publish(producer.id, many(30));
    const { epoch } = await corner.head(producer.id);
    const socket = await open(consumer, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 20 });
    await eventually(() => expect(seqs(socket)).toEqual(numbers(21, 30)));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['21-30']));
    const size = Buffer.byteLength(corner.readingText(producer.id, { n: 10 }));
    const first = 9 * (size - 1);
    expect(await office.delivered(subscription)).toMatchObject([
      { bytesBefore: first + 11 * size, bytesThrough: first + 21 * size },
    ]);
  });

  it('of a narrowed stream is the readings that were sent, each whole', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 5, state: 'stopped', reason: 'insufficient-funds' });
    const socket = await open(consumer, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, device_id: 'b' });
    await eventually(() => expect(socket.ofType('subscribed')).toHaveLength(1));
    for (const device of ['a', 'b', 'a', 'b', 'b', 'a', 'b', 'b', 'b']) {
      await corner.publish(producer.id, [{ n: 1 }], device);
    }
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    expect(seqs(socket)).toEqual([2, 4, 5, 7, 8]);
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['2-2', '4-5', '7-8']));
    await office.give(subscription, { units: 5 });
    await eventually(() => expect(seqs(socket)).toEqual([2, 4, 5, 7, 8, 9]));
  });

  it('of a stream with a max_rate is the readings that were sent, to each who joined meanwhile too', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { units: 1_000 });
    const sockets = [await open(consumer, 'mode=manual'), await open(consumer, 'mode=manual')];
    const subscribe = { type: 'subscribe', producer_id: producer.id, max_rate: 2 };
    sockets[0]?.send(subscribe);
    await eventually(() => expect(sockets[0]?.ofType('subscribed')).toHaveLength(1));
    for (let round = 0; round < 30; round += 1) {
      await corner.publish(producer.id, many(3));
      if (round === 10) sockets[1]?.send(subscribe);
    }
    const isDone = (socket: TestSocket) => expect(seqs(socket).at(-1)).toBe(90);
    for (const socket of sockets) await eventually(() => isDone(socket));
    const sent = [...new Set(sockets.flatMap(seqs))].sort((one, other) => Number(one) - Number(other));
    await eventually(async () => {
      const spans = await office.delivered(subscription);
      expect(spans.flatMap(({ from, to }) => numbers(from, to))).toEqual(sent);
    });
  });

  it('of a stream with a max_rate is the same for one who comes from the past while something is held', async () => {
    const { producer, consumer, subscription } = await metered();
    const other = await metered();
    await grant(other.consumer, producer, other.subscription);
    for (const each of [subscription, other.subscription]) await office.give(each, { units: 1_000 });
    const narrowing = { type: 'subscribe', producer_id: producer.id, max_rate: 0.3 };
    const holder = await open(other.consumer, 'mode=manual');
    holder.send(narrowing);
    await eventually(() => expect(holder.ofType('subscribed')).toHaveLength(1));
    await corner.publish(producer.id, many(1));
    await eventually(() => expect(seqs(holder)).toEqual([1]));
    await corner.publish(producer.id, many(1));
    const socket = await open(consumer, 'mode=manual');
    socket.send({ ...narrowing, epoch: (await corner.head(producer.id)).epoch, after: 0 });
    // From then on it receives what the other does.
    await eventually(() => expect(socket.ofType('position')).toMatchObject([{ seq: 2 }]));
    await corner.publish(producer.id, many(1));
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3]));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-3']));
  });

  it.each([
    ['one by one', ''],
    ['in packs', '&packed=true'],
  ])('of a stream whose past runs out of credit ends there, and goes on there, %s', async (_, query) => {
    const { producer, consumer, subscription } = await metered();
    for (let round = 0; round < 10; round += 1) await corner.publish(producer.id, many(100));
    const { epoch } = await corner.head(producer.id);
    await office.give(subscription, { units: 333, state: 'stopped', reason: 'insufficient-funds' });
    const socket = await open(consumer, `mode=manual${query}`);
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 0 });
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    const stopped = [['subscribed', 0], ...numbers(1, 333), ['unsubscribed', 'insufficient-funds']];
    expect(told(socket)).toEqual(stopped);
    await office.give(subscription, { units: 5_000 });
    await eventually(() => expect(told(socket)).toEqual([...stopped, ['subscribed', 333], ...numbers(334, 1_000)]));
    expect(socket.ofType('subscribed')).toMatchObject([{}, { recovered: true }]);
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-1000']));
    expect(await office.spent(subscription)).toBe(1_000);
  });

  it('is not what waits in the gateway for a socket that does not read', async () => {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, { unit: 'unlimited' });
    const app = corner.run('consumer-gateway', { MAX_QUEUED_BYTES: String(2 ** 26) });
    const socket = await open(consumer, '', `ws://127.0.0.1:${await app.listening}/consumer`);
    await corner.publish(producer.id, many(1));
    await eventually(() => expect(seqs(socket)).toEqual([1]));
    const witness = { subscription: `${subscription}1`, consumer: await corner.account('consumer') };
    await office.give(witness.subscription, { unit: 'unlimited' });
    await grant(witness.consumer, producer, witness.subscription);
    await open(witness.consumer, '', `ws://127.0.0.1:${await app.listening}/consumer`);
    socket.ws.pause();
    // More than the buffers of the two ends of the connection take.
    const large = Array.from({ length: 60 }, () => ({ text: 'x'.repeat(15_000) }));
    for (let round = 0; round < 10; round += 1) await corner.publish(producer.id, large);
    await eventually(async () => expect(await office.ranges(witness.subscription)).toEqual(['2-601']), 20_000);
    const [span] = await office.delivered(subscription);
    expect(span?.to).toBeLessThan(601);
    socket.ws.resume();
    await eventually(() => expect(seqs(socket)).toHaveLength(601));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-601']));
  });

  it('counts for the new subscription from where the plan changed, without a hole and without a double', async () => {
    const { producer, consumer, subscription } = await metered();
    const next = `${subscription}0`;
    await office.give(subscription, { units: 1_000 });
    await office.give(next, { units: 1_000 });
    const socket = await open(consumer);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 400; sent += 10) await corner.publish(producer.id, many(10));
    })();
    await eventually(() => expect(seqs(socket).length).toBeGreaterThan(50));
    await grant(consumer, producer, next);
    await sending;
    await eventually(() => expect(seqs(socket)).toEqual(numbers(1, 400)));
    expect(socket.framesButPositions).toHaveLength(401);
    await eventually(async () => {
      const [before, after] = [await office.delivered(subscription), await office.delivered(next)];
      expect([before.length, after.length]).toEqual([1, 1]);
      expect([before[0]?.from, after[0]?.from, after[0]?.to]).toEqual([1, (before[0]?.to ?? 0) + 1, 400]);
      expect(after[0]?.bytesBefore).toBe(before[0]?.bytesThrough);
    });
  });
});

it('a subscription that nobody receives any more is forgotten, whatever is counted', async () => {
  const count = async () => {
    const metrics = await (await fetch(url.replace('ws:', 'http:').replace('/consumer', '/metrics'))).text();
    return Number(/^motience_consumer_metered_subscriptions\S* (\d+)$/m.exec(metrics)?.[1]);
  };
  const credits: Partial<CreditChange>[] = [
    { unit: 'readings', units: 1_000 },
    { unit: 'time', untilMs: Date.now() + 60_000 },
    { unit: 'unlimited' },
  ];
  for (const credit of credits) {
    const { producer, consumer, subscription } = await metered();
    await office.give(subscription, credit);
    const socket = await open(consumer);
    await corner.publish(producer.id, many(1));
    await eventually(async () => expect(await office.ranges(subscription)).toEqual(['1-1']));
    expect(await count()).toBeGreaterThan(0);
    socket.close();
    await eventually(async () => expect(await count()).toBe(0));
  }
});

it('a stream that is not metered is neither held up nor reported', async () => {
  const producer = await corner.account('producer', ['a']);
  const socket = await open(await corner.account('consumer', [producer.id]));
  const entries = await office.log.count();
  await corner.publish(producer.id, many(500));
  await eventually(() => expect(seqs(socket)).toEqual(numbers(1, 500)));
  expect(await office.log.count()).toBe(entries);
});
