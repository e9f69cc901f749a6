import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs } from '../../../tests/support/streaming-consumer.ts';
import { eventually, type TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  corner = await StreamCorner.open();
  gateway = corner.run('consumer-gateway');
});
afterAll(() => corner.close());

async function open() {
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer', [producer.id]);
  const { epoch } = await corner.head(producer.id);
  const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
  const publish = (data: object, deviceId?: string) => corner.publish(producer.id, [data], deviceId);
  return { producer, consumer, epoch, socket, publish };
}

async function subscribe(socket: TestSocket, producer: TestAccount, rest: object): Promise<void> {
  const answers = socket.ofType('subscribed').length;
  socket.send({ type: 'subscribe', producer_id: producer.id, ...rest });
  await eventually(() => expect(socket.ofType('subscribed')).toHaveLength(answers + 1));
}

const dataOf = (socket: TestSocket) => socket.readings.map(({ data }) => data);

describe('a stream narrowed to fields', () => {
  it('has only those, leaves out readings that have none, and is the same live and after', async () => {
    const { producer, consumer, epoch, socket, publish } = await open();
    await subscribe(socket, producer, { fields: ['t', 'u'] });
    const all = await openConsumer(gateway, consumer.token);
    await publish({ t: 1.5, deep: { u: 9 }, v: 'x' });
    await publish({ v: 'x' });
    await publish({ v: 'x', u: { t: [1] } }, 'b');
    await eventually(() => expect(seqs(socket)).toEqual([1, 3]));
    expect(dataOf(socket)).toEqual([{ t: 1.5 }, { u: { t: [1] } }]);
    await eventually(() => expect(seqs(all)).toEqual([1, 2, 3]));

    const later = await openConsumer(gateway, consumer.token, 'mode=manual');
    await subscribe(later, producer, { epoch, after: 0, fields: ['u', 't'] });
    await eventually(() => expect(later.ofType('position')).toMatchObject([{ seq: 3 }]));
    expect(later.texts.filter((text) => text.includes('"data"'))).toEqual(
      socket.texts.filter((text) => text.includes('"data"')),
    );
    await subscribe(socket, producer, {});
    await publish({ v: 'y' });
    await eventually(() => expect(dataOf(socket).at(-1)).toEqual({ v: 'y' }));
  });

  it('of one device has both', async () => {
    const { producer, socket, publish } = await open();
    await subscribe(socket, producer, { device_id: 'b', fields: ['t'] });
    await publish({ t: 1 }, 'a');
    await publish({ t: 2, u: 2 }, 'b');
    await eventually(() => expect(dataOf(socket)).toEqual([{ t: 2 }]));
  });
});

describe('a stream with a max_rate', () => {
  it('has the latest value of each device that often, in order', async () => {
    const { producer, socket, publish } = await open();
    await subscribe(socket, producer, { max_rate: 2 });
    await publish({ v: 0 });
    await eventually(() => expect(seqs(socket)).toEqual([1]));
    const firstAt = performance.now();
    for (let v = 1; v <= 10; v += 1) await publish({ v }, v % 2 ? 'a' : 'b');
    await eventually(() => expect(seqs(socket)).toEqual([1, 10, 11]));
    expect(performance.now() - firstAt).toBeGreaterThan(400);
    expect(dataOf(socket)).toEqual([{ v: 0 }, { v: 9 }, { v: 10 }]);
  });

  it('loses nothing that is held when it is asked for otherwise, or goes on on another socket', async () => {
    const { producer, consumer, epoch, socket, publish } = await open();
    await subscribe(socket, producer, { max_rate: 0.01 });
    await publish({ v: 1 });
    await eventually(() => expect(seqs(socket)).toEqual([1]));
    await publish({ v: 2 });
    const told = await openConsumer(gateway, consumer.token);
    await publish({ v: 3 });
    await eventually(() => expect(seqs(told)).toEqual([3]));
    await subscribe(socket, producer, {});
    await eventually(() => expect(seqs(socket)).toEqual([1, 3]));
    await publish({ v: 4 });
    await eventually(() => expect(seqs(socket)).toEqual([1, 3, 4]));

    const next = await openConsumer(gateway, consumer.token, 'mode=manual');
    await subscribe(next, producer, { epoch, after: 1, max_rate: 100 });
    await eventually(() => expect(seqs(next).at(-1)).toBe(4));
  });

  it('tells no position beyond what is held', async () => {
    const { producer, socket, publish } = await open();
    await subscribe(socket, producer, { max_rate: 0.01 });
    await publish({ v: 1 });
    await publish({ v: 2 }, 'b');
    await publish({ v: 3 });
    await eventually(() => expect(socket.ofType('position')).not.toEqual([]), 12_000);
    expect(seqs(socket)).toEqual([1]);
    for (const { seq } of socket.ofType('position')) expect(seq).toBe(1);
  });

  it('over the past has, of each interval, the latest', async () => {
    const { producer, epoch, socket, publish } = await open();
    for (let v = 1; v <= 20; v += 1) await publish({ v });
    await subscribe(socket, producer, { epoch, after: 0, max_rate: 0.01 });
    await eventually(() => expect(socket.ofType('position')).toMatchObject([{ seq: 20 }]));
    expect(seqs(socket)).toEqual([1, 20]);
  });

  it.each([
    [{ max_rate: 0 }, 'max_rate: expected at least 0.01 readings a second'],
    [{ max_rate: '1' }, 'max_rate: expected a number of readings a second'],
    [{ fields: [] }, 'fields: expected at least one name'],
    [{ fields: 'a' }, 'fields: expected an array of names in data'],
    [{ fields: [7] }, 'fields'],
  ])('is refused, with the field, when it is %j', async (rest, detail) => {
    const { producer, socket } = await open();
    socket.send({ type: 'subscribe', producer_id: producer.id, ...rest });
    await eventually(() => expect(socket.ofType('error')).toMatchObject([{ kind: 'invalid-request' }]));
    expect(socket.ofType('error')[0]?.detail).toContain(detail);
  });
});

describe('server-sent events', () => {
  it('are narrowed by fields and max_rate as well, live', async () => {
    const { producer, consumer, publish } = await open();
    const query = new URLSearchParams([
      ['producer_id', producer.id],
      ['fields', 't'],
      ['fields', 'u,v'],
      ['max_rate', '2'],
    ]);
    const ending = new AbortController();
    const url = `http://127.0.0.1:${await gateway.listening}/consumer/sse?${query}`;
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${consumer.token}` },
      signal: ending.signal,
    });
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
    })().catch(() => {});
    await eventually(() => expect(text).toContain('event: subscribed'));
    for (let t = 1; t <= 5; t += 1) await publish({ t, other: t });
    await eventually(() => expect(text).toContain('"data":{"t":5}'));
    expect([...text.matchAll(/"data":\{"t":(\d)\}/g)].map(([, t]) => t)).toEqual(['1', '5']);
    ending.abort();
    await reading;
  });
});
