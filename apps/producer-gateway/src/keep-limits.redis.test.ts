import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let url: string;

beforeAll(async () => {
  corner = await StreamCorner.open();
  const port = await corner.run('producer-gateway', {
    READINGS_PER_SECOND: '1',
    READINGS_BURST: '600',
    MAX_UNACKNOWLEDGED_READINGS: '400',
    MAX_UNACKNOWLEDGED_BYTES: String(100 * 1024),
    MAX_BACKLOG_BYTES: String(64 * 1024),
  }).listening;
  url = `ws://127.0.0.1:${port}/producer`;
});
afterAll(() => corner.close());

async function connect(): Promise<{ socket: TestSocket; producer: TestAccount }> {
  const producer = await corner.account('producer', ['a']);
  return { socket: await reconnect(producer), producer };
}

async function reconnect({ token }: TestAccount): Promise<TestSocket> {
  const socket = await TestSocket.open(url, { token });
  onTestFinished(() => socket.close());
  return socket;
}

const readings = (count: number, data: Record<string, unknown> = {}) =>
  Array.from({ length: count }, () => ({ device_id: 'a', timestamp: '2025-01-29T11:35:00Z', data }));

const kilobytes = (count: number) => ({ text: 'x'.repeat(count * 1024) });

describe('a device that sends faster than its rate', () => {
  it('is told the limit and the wait and closed with 4000; nothing past the limit is stored or acknowledged', async () => {
    const { socket, producer } = await connect();
    socket.send(readings(300));
    await eventually(() => expect(socket.acknowledged).toBe(300));
    socket.send(readings(300));
    socket.send(readings(50));
    socket.send(readings(1));
    expect(await socket.closed).toEqual({ code: 4000, reason: 'rate-limited' });
    const [error] = socket.ofType('error');
    expect(error).toMatchObject({ kind: 'rate-limited', detail: 'more than 1 readings a second (burst 600)' });
    expect(error?.retry_after).toBeGreaterThan(30);
    expect(error?.retry_after).toBeLessThanOrEqual(50);
    expect(socket.acknowledged).toBeLessThanOrEqual(600);
    await eventually(async () => expect(await corner.stored(producer.id)).toHaveLength(600));
  });
});

describe('a device that does not wait for acknowledgements', () => {
  it.each([
    ['readings', () => readings(401), 'more than 400 readings unacknowledged: reconnect and send again'],
    ['bytes', () => readings(11, kilobytes(10)), 'more than 102400 bytes unacknowledged: reconnect and send again'],
  ])('is closed with 4002 at the bound of %s, and what comes later is not stored', async (_, frame, detail) => {
    const { socket, producer } = await connect();
    const sent = frame();
    socket.send(sent);
    socket.send(readings(1));
    expect(await socket.closed).toEqual({ code: 4002, reason: 'unavailable' });
    expect(socket.ofType('error')).toMatchObject([{ kind: 'unavailable', detail, retry_after: 1 }]);
    await eventually(async () => expect(await corner.stored(producer.id)).toHaveLength(sent.length));
    expect(socket.acknowledged).toBeLessThanOrEqual(sent.length);
  });
});

describe('a full backlog', () => {
  it('closes devices with 4002 and stores nothing until some of it is worked off', async () => {
    const { socket, producer } = await connect();
    socket.send(readings(7, kilobytes(10)));
    await eventually(() => expect(socket.acknowledged).toBe(7));
    socket.send(readings(1));
    expect(await socket.closed).toEqual({ code: 4002, reason: 'unavailable' });
    expect(socket.acknowledged).toBe(7);
    expect(socket.ofType('error')).toMatchObject([{ detail: 'the platform is catching up: reconnect and send again' }]);
    expect(await corner.stored(producer.id)).toHaveLength(7);

    await corner.apply(producer.id);
    const again = await reconnect(producer);
    again.send(readings(1));
    await eventually(() => expect(again.acknowledged).toBe(1));
  });
});
