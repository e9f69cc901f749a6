import type { GatewayServer } from '@motience/gateway-kit';
import { readingTail } from '@motience/protocol';
import { type LiveBatch, readBatch } from '@motience/stream-log';
import { type LiveStream, topicOf } from './live-stream.ts';
import type { SlowConsumers } from './slow-consumers.ts';

/** Hands each reading of a batch to all sockets of its stream, and has those looked for who do not keep up. */
export class Delivery {
  private scratch = Buffer.allocUnsafe(64 * 1024);

  constructor(
    private readonly server: Pick<GatewayServer, 'publish'>,
    private readonly slowConsumers: Pick<SlowConsumers, 'published'>,
    private readonly onDelivered: (readings: number) => void,
  ) {}

  deliver(stream: LiveStream, { batch, firstSeq, count }: LiveBatch): void {
    const { producerId, narrowed, connections } = stream;
    const topic = topicOf(producerId);
    let seq = firstSeq;
    readBatch(batch, (deviceId, body) => {
      const frame = this.frameOf(body, seq);
      this.server.publish(topic, frame);
      if (narrowed.has(deviceId)) this.server.publish(topicOf(producerId, deviceId), frame);
      this.slowConsumers.published(frame.length, connections.size);
      seq += 1;
    });
    this.onDelivered(count);
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
