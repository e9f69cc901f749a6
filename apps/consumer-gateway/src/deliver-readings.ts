import type { GatewayServer } from '@motience/gateway-kit';
import { Refusal, readingTail } from '@motience/protocol';
import { type LiveBatch, readBatch } from '@motience/stream-log';
import type { ConsumerConnection } from './consumer-connection.ts';
import { type LiveStream, topicOf } from './live-stream.ts';

/** How many bytes go out between two looks at how much waits for each socket. */
const bytesBetweenChecks = 1024 * 1024;

/**
 * How much more than our own bound uWebSockets.js may buffer for a socket, so that ours is always noticed first: it
 * does not tell of everything it drops when it publishes. Covers what goes out between two looks, the largest batch,
 * and the 32 published frames it keeps beside what it counts.
 */
export const backpressureHeadroomBytes = 64 * 1024 * 1024;

/** Hands each reading of a batch to all sockets of its stream, and cuts off those who do not keep up. */
export class Delivery {
  private scratch = Buffer.allocUnsafe(64 * 1024);
  private sinceCheck = 0;

  constructor(
    private readonly server: Pick<GatewayServer, 'publish'>,
    private readonly connections: () => Iterable<ConsumerConnection>,
    private readonly maxQueuedBytes: number,
    private readonly onDelivered: (readings: number) => void,
  ) {}

  deliver(stream: LiveStream, { batch, firstSeq, count }: LiveBatch): void {
    const { producerId, narrowed } = stream;
    const topic = topicOf(producerId);
    let seq = firstSeq;
    readBatch(batch, (deviceId, body) => {
      const frame = this.frameOf(body, seq);
      this.server.publish(topic, frame);
      if (narrowed.has(deviceId)) this.server.publish(topicOf(producerId, deviceId), frame);
      seq += 1;
    });
    this.onDelivered(count);
    this.sinceCheck += batch.length;
    if (this.sinceCheck >= bytesBetweenChecks) this.closeSlowConsumers();
  }

  /** Closes every socket for which more than the bound waits. It can reconnect. */
  closeSlowConsumers(): void {
    this.sinceCheck = 0;
    for (const connection of this.connections()) {
      if (connection.socket.bufferedBytes() > this.maxQueuedBytes) {
        const limit = `more than ${this.maxQueuedBytes} bytes waited to be read`;
        connection.refuse(new Refusal('slow-consumer', `${limit}: reconnect`));
      }
    }
  }

  /** The frame as consumers get it. Valid until the next one; `publish` copies it. */
  private frameOf(body: Buffer, seq: number): Uint8Array {
    const tail = readingTail(seq);
    if (this.scratch.length < body.length + tail.length) {
      this.scratch = Buffer.allocUnsafe((body.length + tail.length) * 2);
    }
    body.copy(this.scratch);
    const end = body.length + this.scratch.write(tail, body.length, 'latin1');
    return this.scratch.subarray(0, end);
  }
}
