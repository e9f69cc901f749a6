import { expect, onTestFinished } from 'vitest';
import { defaultShardCount, shardOf } from '../../packages/stream-log/dist/index.js';
import type { StreamCorner } from './stream-corner.ts';
import { eventually, TestSocket } from './test-socket.ts';

/** A consumer gateway, in this process or in one of its own. */
interface RunningGateway {
  /** Resolves with its port. */
  readonly listening: Promise<number>;
}

/** A consumer's socket, past its welcome; closed when the test is over. */
export async function openConsumer(gateway: RunningGateway, token: string, query = ''): Promise<TestSocket> {
  const socket = await TestSocket.open(`ws://127.0.0.1:${await gateway.listening}/consumer`, { token, query });
  onTestFinished(() => socket.close());
  await eventually(() => expect(socket.ofType('welcome')).toHaveLength(1));
  return socket;
}

/** A new producer that has sent one reading since a new consumer subscribed to it. */
export async function streamingConsumer(corner: StreamCorner, gateway: RunningGateway) {
  const producer = await corner.account('producer', ['a']);
  const consumer = await corner.account('consumer', [producer.id]);
  const socket = await openConsumer(gateway, consumer.token);
  await corner.publish(producer.id, [{}]);
  await eventually(() => expect(seqs(socket)).toEqual([1]));
  const shard = shardOf(producer.id, defaultShardCount);
  return { producer, consumer, socket, shard, streamKey: corner.keys.stream(shard, producer.id) };
}

export const seqs = (socket: TestSocket) => socket.readings.map(({ seq }) => seq);

/** 1, 2, 3 … `last`. */
export const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

export const unavailable = { code: 4002, reason: 'unavailable' };
