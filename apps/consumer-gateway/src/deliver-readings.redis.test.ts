import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let url: string;

beforeAll(async () => {
  corner = await StreamCorner.open();
  url = `ws://127.0.0.1:${await corner.run('consumer-gateway').listening}/consumer`;
});
afterAll(() => corner.close());

async function open({ token }: TestAccount, query = ''): Promise<TestSocket> {
  const socket = await TestSocket.open(url, { token, query });
  onTestFinished(() => socket.close());
  return socket;
}

/** A new producer and a socket of a new consumer that is subscribed to it, past its welcome. */
async function subscribed(query = '') {
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer', [producer.id]);
  const socket = await welcomed(consumer, query);
  return { producer, consumer, socket };
}

async function welcomed(consumer: TestAccount, query = ''): Promise<TestSocket> {
  const socket = await open(consumer, query);
  await eventually(() => expect(socket.ofType('welcome')).toHaveLength(1));
  return socket;
}

const seqs = (socket: TestSocket) => socket.readings.map(({ seq }) => seq);
/** The types of all frames but positions, `reading` for those that carry none. */
const types = (socket: TestSocket) => socket.framesButPositions.map(({ type }) => type ?? 'reading');
const kinds = (socket: TestSocket) => socket.ofType('error').map(({ kind }) => kind);

describe('a socket', () => {
  it('is welcomed with where each stream starts, and then gets readings exactly as the contract prints them', async () => {
    const [first, second] = [await corner.account('producer', ['a']), await corner.account('producer', ['a'])];
    await corner.publish(first.id, [{}, {}, {}]);
    const socket = await welcomed(await corner.account('consumer', [first.id, second.id]));
    const [welcome] = socket.frames;
    expect(welcome).toEqual({
      type: 'welcome',
      session_id: expect.any(String),
      streams: expect.arrayContaining([
        { producer_id: first.id, epoch: expect.any(String), seq: 3 },
        { producer_id: second.id, epoch: expect.any(String), seq: 0 },
      ]),
    });
    await corner.publish(first.id, [{ temperature: 24.3 }], 'rpi_001');
    await eventually(() => expect(socket.texts).toHaveLength(2));
    expect(socket.texts[1]).toBe(
      `{"producer_id":"${first.id}","device_id":"rpi_001","timestamp":"2025-01-29T11:35:00Z","data":{"temperature":24.3},"seq":4}`,
    );
  });

  it('gets the readings of all its streams, each in order, and of no other', async () => {
    const producers = await Promise.all([1, 2, 3].map(() => corner.account('producer', ['a'])));
    const [one, two, three] = producers.map(({ id }) => id);
    if (!one || !two || !three) throw new Error('expected three producers');
    const socket = await welcomed(await corner.account('consumer', [one, two]));
    for (let round = 0; round < 10; round += 1) {
      await corner.publish(three, [{}]);
      await corner.publish(one, [{}, {}]);
      await corner.publish(two, [{}]);
    }
    await eventually(() => expect(socket.readings).toHaveLength(30));
    const of = (id: string) => socket.readings.filter((reading) => reading.producer_id === id).map(({ seq }) => seq);
    expect(of(one)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(of(two)).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
  });

  it('is welcomed before anything else is answered, and every subscribe is', async () => {
    const producers = await Promise.all(Array.from({ length: 200 }, () => corner.account('producer', ['a'])));
    const ids = producers.map(({ id }) => id);
    const socket = await open(await corner.account('consumer', ids));
    socket.send('{');
    socket.send({ type: 'unsubscribe', producer_id: ids[0] });
    for (let count = 0; count < 3; count += 1) socket.send({ type: 'subscribe', producer_id: ids[0] });
    const answers = ['error', 'unsubscribed', 'subscribed', 'subscribed', 'subscribed'];
    await eventually(() => expect(types(socket)).toEqual(['welcome', ...answers]));
    expect(socket.frames[0]?.streams).toHaveLength(200);
  });

  it('is one of as many as its account may have, also when many are opened at once', async () => {
    const app = corner.run('consumer-gateway', { SOCKETS_PER_ACCOUNT: '2' });
    const crowded = `ws://127.0.0.1:${await app.listening}/consumer`;
    const { token } = await corner.account('consumer');
    const sockets = await Promise.all(Array.from({ length: 20 }, () => TestSocket.open(crowded, { token })));
    onTestFinished(() => {
      for (const socket of sockets) socket.close();
    });
    await eventually(() => expect(sockets.flatMap(types)).toHaveLength(20));
    expect(sockets.flatMap(kinds)).toEqual(Array.from({ length: 18 }, () => 'rate-limited'));
  });

  it('starts nothing by itself with mode=manual', async () => {
    const { producer, consumer, socket } = await subscribed('mode=manual');
    expect(socket.frames).toMatchObject([{ type: 'welcome', streams: [] }]);
    const other = await corner.account('producer', ['a']);
    await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: other.id, since: 0 });
    await corner.publish(producer.id, [{}]);
    socket.send({ type: 'subscribe', producer_id: producer.id });
    await eventually(() => expect(socket.ofType('subscribed')).toHaveLength(1));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(socket.readings).not.toEqual([]));
    expect(socket.framesButPositions.slice(1)).toEqual([
      { type: 'subscribed', producer_id: producer.id, epoch: expect.any(String), seq: 1, recovered: false },
      expect.objectContaining({ producer_id: producer.id, seq: 2 }),
    ]);
  });

  it('may narrow a stream to one device, and take all of it again', async () => {
    const { producer, consumer, socket } = await subscribed();
    const other = await welcomed(consumer);
    socket.send({ type: 'subscribe', producer_id: producer.id, device_id: 'b' });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ seq: 0 }]));
    await corner.publish(producer.id, [{}], 'a');
    await corner.publish(producer.id, [{}], 'b');
    await corner.publish(producer.id, [{}], 'a');
    await eventually(() => expect(seqs(other)).toEqual([1, 2, 3]));
    socket.send({ type: 'subscribe', producer_id: producer.id });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ seq: 0 }, { seq: 3 }]));
    await corner.publish(producer.id, [{}], 'a');
    await eventually(() => expect(seqs(socket)).toEqual([2, 4]));
  });

  it('may stop a stream for itself alone', async () => {
    const { producer, consumer, socket } = await subscribed();
    const other = await welcomed(consumer);
    socket.send({ type: 'unsubscribe', producer_id: producer.id });
    await eventually(() => expect(types(socket)).toEqual(['welcome', 'unsubscribed']));
    expect(socket.frames[1]).toEqual({ type: 'unsubscribed', producer_id: producer.id, reason: 'requested' });
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(other)).toEqual([1]));
    socket.send({ type: 'subscribe', producer_id: producer.id });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ seq: 1 }]));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([2]));
  });
});

describe('a subscription', () => {
  it('that is made while the socket is open starts unasked', async () => {
    const { consumer, socket } = await subscribed();
    const producer = await corner.account('producer', ['a']);
    await corner.publish(producer.id, [{}, {}]);
    await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: producer.id, since: 0 });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ producer_id: producer.id, seq: 2 }]));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([3]));
  });

  it('is noticed also after something unreadable was published', async () => {
    const { consumer, socket } = await subscribed();
    await corner.redis.publish(corner.keys.rightsChanges, '{');
    const producer = await corner.account('producer', ['a']);
    await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: producer.id, since: 0 });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ producer_id: producer.id }]));
  });

  it('that ends while the socket is open is told within a second, and nothing of it comes after', async () => {
    const { producer, consumer, socket } = await subscribed();
    const kept = await corner.account('producer', ['a']);
    await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: kept.id, since: 0 });
    await eventually(() => expect(socket.ofType('subscribed')).toHaveLength(1));
    await corner.rights.revoke({ kind: 'subscription', accountId: consumer.id, item: producer.id });
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1), 1_000);
    expect(socket.ofType('unsubscribed')).toEqual([
      { type: 'unsubscribed', producer_id: producer.id, reason: 'subscription-ended' },
    ]);
    await corner.publish(producer.id, [{}]);
    await corner.publish(kept.id, [{}]);
    await eventually(() => expect(socket.readings).toMatchObject([{ producer_id: kept.id }]));
    socket.send({ type: 'subscribe', producer_id: producer.id });
    await eventually(() => expect(kinds(socket)).toEqual(['forbidden']));
  });

  it('of another consumer gives nothing', async () => {
    const { producer } = await subscribed();
    const socket = await welcomed(await corner.account('consumer'));
    socket.send({ type: 'subscribe', producer_id: producer.id });
    await eventually(() => expect(kinds(socket)).toEqual(['forbidden']));
    expect(socket.ofType('error')).toMatchObject([
      { producer_id: producer.id, detail: `producer_id: no active subscription to producer ${producer.id}` },
    ]);
  });
});

describe('a session that ends', () => {
  it('closes its sockets with 4500 within a second', async () => {
    const { consumer, socket } = await subscribed();
    await corner.rights.revoke({ kind: 'session', accountId: consumer.id, item: consumer.sessionId });
    const revokedAt = performance.now();
    expect(await socket.closed).toEqual({ code: 4500, reason: 'unauthenticated' });
    expect(performance.now() - revokedAt).toBeLessThan(1_000);
  });
});

describe('a control frame', () => {
  it.each<[string, unknown, string]>([
    ['that is no JSON', '{', 'invalid-request'],
    ['of an unknown type', { type: 'resume' }, 'invalid-request'],
    ['without a producer', { type: 'subscribe' }, 'invalid-request'],
    ['with an unknown field', { type: 'subscribe', producer_id: '1', more: 1 }, 'invalid-request'],
    ['of a stream that is not received', { type: 'unsubscribe', producer_id: '999' }, 'not-found'],
  ])('%s is refused, and the socket stays open', async (_, frame, kind) => {
    const { producer, socket } = await subscribed();
    socket.send(frame);
    await eventually(() => expect(kinds(socket)).toEqual([kind]));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([1]));
  });

  it('that is binary is refused, and the socket stays open', async () => {
    const { producer, socket } = await subscribed();
    socket.ws.send(Buffer.from(JSON.stringify({ type: 'unsubscribe', producer_id: producer.id })));
    await eventually(() => expect(kinds(socket)).toEqual(['invalid-request']));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([1]));
  });

  it.each([
    ['', JSON.stringify({ type: 'subscribe', producer_id: '1' })],
    [', also binary ones,', Buffer.alloc(0)],
  ])('too many%s within a second closes with 4000 and the wait', async (_, frame) => {
    const { socket } = await subscribed();
    for (let count = 0; count < 100; count += 1) socket.ws.send(frame);
    expect(await socket.closed).toEqual({ code: 4000, reason: 'rate-limited' });
    expect(socket.ofType('error').at(-1)).toMatchObject({
      detail: 'more than 20 control frames a second',
      retry_after: expect.any(Number),
    });
  });
});

describe('a producer', () => {
  it('may not use the socket: 4501', async () => {
    const socket = await open(await corner.account('producer', ['a']));
    expect(await socket.closed).toEqual({ code: 4501, reason: 'forbidden' });
  });
});
