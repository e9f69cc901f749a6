/** Everything a device or a consumer should not send, in the middle of what it should: nothing is lost, nothing leaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, request, signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';

let services: ServicesUnderTest;
let producer: Account;
let consumer: Account;
beforeAll(async () => {
  services = await ServicesUnderTest.start();
  [producer, consumer] = [await signUp(services, 'producer', ['d']), await signUp(services, 'consumer')];
  await signUp(services, 'producer', ['of-another']);
  await subscribe(services, consumer, producer);
});
afterAll(() => services.stop());

const head = '"device_id":"d","timestamp":"2025-01-29T11:35:00Z"';

/** What is refused, with the words its answer has to contain. */
const refused: [what: string, frame: string | Buffer, kind: string, detail: string][] = [
  ['text that is not JSON', 'temperature=24.3', 'invalid-request', 'expected JSON'],
  ['an empty frame', '', 'invalid-request', 'expected JSON'],
  ['a number', '42', 'invalid-request', 'expected a reading'],
  ['null', 'null', 'invalid-request', 'expected a reading'],
  ['an array within an array', '[[]]', 'invalid-request', 'expected a reading'],
  ['a binary frame', Buffer.from(`{${head},"data":{}}`), 'invalid-request', 'binary'],
  ['nesting 10,000 deep', `{${head},"data":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`, 'too-large', '16384'],
  ['nesting 33 deep', `{${head},"data":${'{"a":'.repeat(33)}1${'}'.repeat(33)}}`, 'invalid-request', 'deeper than 32'],
  ['data that is an array', `{${head},"data":[1]}`, 'invalid-request', 'data: expected an object'],
  ['no data', `{${head}}`, 'invalid-request', 'data'],
  [
    'a device_id that is a number',
    '{"device_id":1,"timestamp":"2025-01-29T11:35:00Z","data":{}}',
    'invalid-request',
    'device_id',
  ],
  ['a sequence that is text', `{${head},"data":{},"sequence":"1"}`, 'invalid-request', 'sequence'],
  ['a sequence beyond 2^53', `{${head},"data":{},"sequence":9007199254740993}`, 'invalid-request', 'sequence'],
  ['an unknown device', `{${head.replace('"d"', '"unknown"')},"data":{}}`, 'not-found', 'unknown'],
  ["another producer's device", `{${head.replace('"d"', '"of-another"')},"data":{}}`, 'not-found', 'of-another'],
  ['a producer_id', `{${head},"data":{},"producer_id":"1"}`, 'invalid-request', 'producer_id'],
  ['a seq', `{${head},"data":{},"seq":1}`, 'invalid-request', 'seq'],
  ['a type', `{${head},"data":{},"type":"ack"}`, 'invalid-request', 'type'],
  ['a __proto__ key', `{${head},"data":{},"__proto__":{"device_id":"d"}}`, 'invalid-request', '__proto__'],
  ['a duplicate key', `{${head},"data":{},"data":{}}`, 'invalid-request', 'data: appears twice'],
  ['a lone surrogate', `{${head},"data":{"text":"\\ud800"}}`, 'invalid-request', '\\ud800'],
  ['\\u0000', `{${head},"data":{"text":"\\u0000"}}`, 'invalid-request', '\\u0000'],
  [
    'SQL in the device_id',
    `{${head.replace('"d"', `"d'; drop table readings; --"`)},"data":{}}`,
    'invalid-request',
    'device_id',
  ],
  [
    'a line break in the device_id',
    `{${head.replace('"d"', '"d\\r\\nx: y"')},"data":{}}`,
    'invalid-request',
    'device_id',
  ],
  ['a timestamp that is none', `{"device_id":"d","timestamp":"yesterday","data":{}}`, 'invalid-request', 'timestamp'],
  ['a 30 February', `{"device_id":"d","timestamp":"2025-02-30T00:00:00Z","data":{}}`, 'invalid-request', 'timestamp'],
  ['501 readings', JSON.stringify(Array(501).fill({})), 'invalid-request', 'at most 500'],
];

/** What passes, and has to arrive with its data byte for byte. */
const passed: [what: string, data: string, timestamp?: string][] = [
  ['a number beyond 2^53', '{"n":9007199254740993.000}'],
  ['1e400', '{"n":1e400,"m":-1E-999}'],
  ['a __proto__ key', '{"__proto__":{"a":1},"constructor":null}'],
  ['duplicate keys', '{"a":1,"a":2}'],
  ['white space', '{ "a" :\t1 }'],
  ['escapes', '{"a":"\\u00e9 \\ud83d\\ude00 \\\\u0000 \\/"}'],
  ['text of every kind', '{"é":"😀 \u2028 </script> %00"}'],
  ['nesting 32 deep', `${'{"a":'.repeat(32)}1${'}'.repeat(32)}`],
  ['a time in 2038', '{}', '2038-01-19T03:14:08.000000001+05:45'],
  ['a leap second', '{}', '2016-12-31T23:59:60Z'],
];

describe('a device', () => {
  it('is told what is wrong with each bad frame, loses none of its good ones, and the consumer sees only these', async () => {
    const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
    const socket = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => socket.frames('welcome').length === 1);
    for (const [at, [, frame]] of refused.entries()) {
      device.send(frame);
      device.send(`{${head},"data":{"after":${at}}}`);
    }
    await until(() => device.acknowledged() === 2 * refused.length);
    await until(() => socket.readings().length === refused.length);
    const answers = device.frames('error');
    for (const [at, [what, , kind, detail]] of refused.entries()) {
      expect({ what, ...answers[at] }).toEqual({
        what,
        type: 'error',
        kind,
        detail: expect.stringContaining(detail),
        reading: 2 * at + 1,
      });
    }
    expect(answers).toHaveLength(refused.length);
    expect(socket.readings().map(({ data, seq }) => ({ data, seq }))).toEqual(
      refused.map((_, at) => ({ data: { after: at }, seq: at + 1 })),
    );
    for (const client of [device, socket]) client.close();
  });

  it('has unusual but valid data passed on byte for byte', async () => {
    const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
    const socket = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => socket.frames('welcome').length === 1);
    for (const [, data, timestamp = '2025-01-29T11:35:00Z'] of passed) {
      device.send(` {"data":${data}, "timestamp":"${timestamp}","device_id":"d"} `);
    }
    await until(() => socket.texts.length === passed.length + 1);
    const seq = Number(socket.readings()[0]?.seq);
    expect(socket.texts.slice(1)).toEqual(
      passed.map(
        ([, data, timestamp = '2025-01-29T11:35:00Z'], at) =>
          `{"producer_id":"${producer.id}","device_id":"d","timestamp":"${timestamp}","data":${data},"seq":${seq + at}}`,
      ),
    );
    expect(device.frames('error')).toEqual([]);
    for (const client of [device, socket]) client.close();
  });
});

describe('a consumer', () => {
  it('is told what is wrong with each bad control frame and goes on receiving', async () => {
    const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
    const socket = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => socket.frames('welcome').length === 1);
    const frames: [frame: unknown, kind: string][] = [
      ['no JSON', 'invalid-request'],
      [[], 'invalid-request'],
      [{ type: 'publish', producer_id: producer.id }, 'invalid-request'],
      [{ type: 'subscribe' }, 'invalid-request'],
      [{ type: 'subscribe', producer_id: 'x' }, 'invalid-request'],
      [{ type: 'subscribe', producer_id: producer.id, consumer_id: '1' }, 'invalid-request'],
      [{ type: 'subscribe', producer_id: '999999' }, 'forbidden'],
      [{ type: 'unsubscribe', producer_id: '999999' }, 'not-found'],
      [Buffer.from('{}'), 'invalid-request'],
    ];
    for (const [frame] of frames) socket.send(frame);
    await until(() => socket.frames('error').length === frames.length);
    expect(socket.frames('error').map(({ kind }) => kind)).toEqual(frames.map(([, kind]) => kind));
    device.send(`{${head},"data":{}}`);
    await until(() => socket.readings().length === 1);
    for (const client of [device, socket]) client.close();
  });

  it("cannot see or end another consumer's subscriptions", async () => {
    const other = await signUp(services, 'consumer');
    const manager = services.httpUrl('subscription-manager');
    expect((await request(`${manager}/subscriptions/${consumer.id}`, { token: other.token })).status).toBe(403);
    const body = { producer_id: producer.id, consumer_id: consumer.id };
    for (const [method, path] of [
      ['POST', 'subscribe'],
      ['DELETE', 'unsubscribe'],
    ] as const) {
      expect((await request(`${manager}/${path}`, { method, token: other.token, body })).status).toBe(403);
    }
    const own = await request(`${manager}/subscriptions/${consumer.id}`, { token: consumer.token });
    expect(own.body.items).toHaveLength(1);
  });
});
