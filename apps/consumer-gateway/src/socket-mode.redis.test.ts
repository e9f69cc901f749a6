import { get, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually, type TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  corner = await StreamCorner.open();
  gateway = corner.run('consumer-gateway');
});
afterAll(() => corner.close());

async function subscribed() {
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer', [producer.id]);
  return { producer, consumer };
}

/** The texts of the readings in the arrays that came, as they were sent. */
const unpacked = (socket: TestSocket) =>
  socket.texts
    .filter((text) => text.startsWith('['))
    .flatMap((text) => text.slice(1, -1).split(/,(?=\{"producer_id")/));

describe('a socket that asks for packs', () => {
  it('gets the readings that come together in one frame, byte for byte, live and after a position', async () => {
    const { producer, consumer } = await subscribed();
    const plain = await openConsumer(gateway, consumer.token);
    const packed = await openConsumer(gateway, consumer.token, 'packed=true');
    await corner.publish(producer.id, [{ text: 'é' }, { a: [1, { b: 2 }] }, 3]);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(plain)).toEqual(upTo(4)));
    await eventually(() => expect(unpacked(packed)).toEqual(plain.texts.slice(1)));
    expect(packed.texts.filter((text) => text.startsWith('['))).toHaveLength(2);

    const { epoch } = await corner.head(producer.id);
    const later = await openConsumer(gateway, consumer.token, 'mode=manual&packed=true');
    later.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 1 });
    await eventually(() => expect(unpacked(later)).toEqual(plain.texts.slice(2)));
    await corner.publish(producer.id, [{ last: true }]);
    await eventually(() => expect(unpacked(later)).toHaveLength(4));
    later.send({ type: 'subscribe', producer_id: producer.id, device_id: 'b' });
    await eventually(() => expect(later.ofType('subscribed')).toHaveLength(2));
    await corner.publish(producer.id, [{}], 'b');
    await eventually(() => expect(seqs(later).at(-1)).toBe(6));
  });

  it('gets frames of a bounded size', async () => {
    const { producer, consumer } = await subscribed();
    const packed = await openConsumer(gateway, consumer.token, 'packed=true');
    await corner.publish(
      producer.id,
      Array.from({ length: 30 }, () => ({ text: 'x'.repeat(10_000) })),
    );
    await eventually(() => expect(unpacked(packed)).toHaveLength(30));
    for (const text of packed.texts) expect(text.length).toBeLessThan(66_000);
  });
});

/** A socket that offers compression, as a browser does; what comes is only counted. */
async function openRaw(token: string, query: string) {
  const request = get({
    port: await gateway.listening,
    path: `/consumer?token=${token}${query}`,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      'sec-websocket-extensions': 'permessage-deflate',
    },
  });
  const [response, socket] = await new Promise<[IncomingMessage, Duplex]>((resolve) => {
    request.once('upgrade', (...upgrade) => resolve([upgrade[0], upgrade[1]]));
  });
  onTestFinished(() => void socket.destroy());
  const received = { bytes: 0 };
  socket.on('data', (chunk: Buffer) => {
    received.bytes += chunk.length;
  });
  return { received, extensions: response.headers['sec-websocket-extensions'] };
}

describe('a socket that offers compression, as browsers always do', () => {
  it('gets compressed frames if it asks for them, and others if not', async () => {
    const { producer, consumer } = await subscribed();
    const asking = await openRaw(consumer.token, '&compress=true');
    const other = await openRaw(consumer.token, '');
    expect([asking.extensions, other.extensions]).toEqual([expect.stringContaining('permessage-deflate'), undefined]);
    const plain = await openConsumer(gateway, consumer.token);
    await corner.publish(producer.id, [{ text: 'x'.repeat(10_000) }]);
    await eventually(() => expect(seqs(plain)).toEqual([1]));
    await eventually(() => expect(other.received.bytes).toBeGreaterThan(10_000));
    await eventually(() => expect(asking.received.bytes).toBeGreaterThan(200));
    expect(asking.received.bytes).toBeLessThan(1_000);
  });
});
