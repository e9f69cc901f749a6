import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let url: string;

beforeAll(async () => {
  corner = await StreamCorner.open();
  url = `ws://127.0.0.1:${await corner.run('producer-gateway').listening}/producer`;
});
afterAll(() => corner.close());

/** A socket of a new producer with the devices `a` and `b`. */
async function connect(): Promise<{ socket: TestSocket; producer: TestAccount }> {
  const producer = await corner.account('producer', ['a', 'b']);
  return { socket: await reconnect(producer), producer };
}

async function reconnect({ token }: TestAccount): Promise<TestSocket> {
  const socket = await TestSocket.open(url, { token });
  onTestFinished(() => socket.close());
  return socket;
}

const reading = (value: number, more: Record<string, unknown> = {}) => ({
  device_id: 'a',
  timestamp: '2025-01-29T11:35:00Z',
  data: { value },
  ...more,
});

/** The `value`s of a producer's stored readings. */
async function storedValues({ id }: TestAccount): Promise<number[]> {
  return (await corner.stored(id)).map((body) => JSON.parse(`${body}}`).data.value);
}

describe('readings that can be stored', () => {
  it('are acknowledged once they are stored, as the text that consumers will get', async () => {
    const { socket, producer } = await connect();
    socket.send(
      '{"device_id":"rpi_001","timestamp":"2025-01-29T11:35:00Z","data":{"temperature":24.3}}'.replace('rpi_001', 'a'),
    );
    await eventually(() => expect(socket.frames).toEqual([{ type: 'ack', through: 1 }]));
    expect(await corner.stored(producer.id)).toEqual([
      `{"producer_id":"${producer.id}","device_id":"a","timestamp":"2025-01-29T11:35:00Z","data":{"temperature":24.3}`,
    ]);
  });

  it('may come as an array, and each counts', async () => {
    const { socket, producer } = await connect();
    socket.send(Array.from({ length: 500 }, (_, index) => reading(index)));
    socket.send(reading(500));
    await eventually(() => expect(socket.acknowledged).toBe(501));
    expect(await storedValues(producer)).toEqual(Array.from({ length: 501 }, (_, index) => index));
  });

  it('keep the bytes of their data', async () => {
    const { socket, producer } = await connect();
    const data = String.raw`{ "n" : 12345678901234567890.10, "e":1e400, "s":"\u00e9 é 🛰 \\u0000", "d":1, "d":2 }`;
    socket.send(`\n { "data" : ${data} , "timestamp":"2025-01-29T11:35:00Z","sequence":7,"device_id":"a" } `);
    await eventually(() => expect(socket.acknowledged).toBe(1));
    expect(await corner.stored(producer.id)).toEqual([
      `{"producer_id":"${producer.id}","device_id":"a","timestamp":"2025-01-29T11:35:00Z","data":${data},"sequence":7`,
    ]);
  });
});

describe('readings that can never be stored', () => {
  it('are refused by their number, and those around them are stored', async () => {
    const { socket, producer } = await connect();
    socket.send([reading(1), reading(2, { device_id: 'unknown' }), reading(3, { data: 'text' }), reading(4)]);
    socket.send('{no json');
    socket.send(reading(6, { more: true }));
    socket.send(reading(7, { data: { text: 'x'.repeat(16 * 1024) } }));
    socket.send(reading(8));
    await eventually(() => expect(socket.acknowledged).toBe(8));
    expect(socket.ofType('error')).toEqual([
      { type: 'error', kind: 'not-found', detail: 'device_id: unknown is not a device of yours', reading: 2 },
      { type: 'error', kind: 'invalid-request', detail: 'data: expected an object', reading: 3 },
      {
        type: 'error',
        kind: 'invalid-request',
        detail: 'expected JSON: a reading, or an array of readings',
        reading: 5,
      },
      { type: 'error', kind: 'invalid-request', detail: '"more" is not a field of a reading', reading: 6 },
      { type: 'error', kind: 'too-large', detail: 'a reading may have at most 16384 bytes', reading: 7 },
    ]);
    expect(await storedValues(producer)).toEqual([1, 4, 8]);
  });

  it('get the same answer for a device of another producer as for one that does not exist', async () => {
    await corner.account('producer', ['of-another']);
    const { socket } = await connect();
    socket.send(reading(1, { device_id: 'of-another' }));
    socket.send(reading(2, { device_id: 'of-nobody' }));
    await eventually(() => expect(socket.acknowledged).toBe(2));
    const [another, nobody] = socket.ofType('error');
    expect(another).toMatchObject({ kind: 'not-found', detail: 'device_id: of-another is not a device of yours' });
    expect(nobody).toMatchObject({ kind: 'not-found', detail: 'device_id: of-nobody is not a device of yours' });
  });

  it('count as one in a binary frame and in an array that is too long, and as none in an empty array', async () => {
    const { socket, producer } = await connect();
    socket.ws.send(Buffer.from(JSON.stringify(reading(1))));
    socket.send([]);
    socket.send(Array.from({ length: 501 }, () => reading(2)));
    socket.send(reading(3));
    await eventually(() => expect(socket.acknowledged).toBe(3));
    expect(socket.ofType('error')).toMatchObject([
      { kind: 'invalid-request', detail: 'expected a text frame with JSON, got a binary one', reading: 1 },
      { kind: 'invalid-request', detail: 'expected at most 500 readings in a frame, got 501', reading: 2 },
    ]);
    expect(await storedValues(producer)).toEqual([3]);
  });
});

describe('a reading whose sequence was stored before', () => {
  it('is settled and not stored again, and the first of a connection is told', async () => {
    const { socket, producer } = await connect();
    socket.send([1, 2, 3].map((sequence) => reading(sequence, { sequence })));
    await eventually(() => expect(socket.acknowledged).toBe(3));
    expect(socket.ofType('repeat')).toEqual([]);

    const again = await reconnect(producer);
    again.send([2, 3, 4].map((sequence) => reading(sequence, { sequence })));
    again.send(reading(1, { sequence: 1 }));
    await eventually(() => expect(again.acknowledged).toBe(4));
    expect(again.ofType('repeat')).toEqual([{ type: 'repeat', device_id: 'a', sequence: 3 }]);
    expect(await storedValues(producer)).toEqual([1, 2, 3, 4]);
  });

  it('is told apart per device, and may skip numbers', async () => {
    const { socket, producer } = await connect();
    socket.send([
      reading(1, { sequence: 10 }),
      reading(2, { sequence: 5, device_id: 'b' }),
      reading(3, { sequence: 4, device_id: 'b' }),
      reading(4, { sequence: 1_000 }),
    ]);
    await eventually(() => expect(socket.acknowledged).toBe(4));
    expect(socket.ofType('repeat')).toEqual([{ type: 'repeat', device_id: 'b', sequence: 5 }]);
    expect(await storedValues(producer)).toEqual([1, 2, 4]);
  });

  it('is stored once when two connections send it at the same time', async () => {
    const { socket, producer } = await connect();
    const other = await reconnect(producer);
    const sequences = Array.from({ length: 200 }, (_, index) => index + 1);
    for (const sequence of sequences) {
      socket.send(reading(sequence, { sequence }));
      other.send(reading(sequence, { sequence }));
    }
    await eventually(() => expect([socket.acknowledged, other.acknowledged]).toEqual([200, 200]));
    expect(await storedValues(producer)).toEqual(sequences);
  });
});

describe('a frame', () => {
  it.each([
    ['over the limit', 256 * 1024 + 1],
    ['of 1 MB', 1_000_000],
  ])('%s is answered with the limit, and the socket closes with 1009', async (_, bytes) => {
    const { socket } = await connect();
    socket.send('x'.repeat(bytes));
    expect(await socket.closed).toEqual({ code: 1009, reason: 'too-large' });
    expect(socket.frames).toMatchObject([{ kind: 'too-large', detail: 'a frame may have at most 262144 bytes' }]);
  });

  it('far over the limit cuts the socket with 1006', async () => {
    const { socket } = await connect();
    socket.send('x'.repeat(3_000_000));
    expect(await socket.closed).toMatchObject({ code: 1006 });
  });

  it('at the limit is taken', async () => {
    const { socket, producer } = await connect();
    socket.send(JSON.stringify(reading(1)).padEnd(256 * 1024));
    await eventually(() => expect(socket.acknowledged).toBe(1));
    expect(await storedValues(producer)).toEqual([1]);
  });
});
