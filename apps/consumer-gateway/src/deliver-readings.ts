import type { GatewayServer } from '@motience/gateway-kit';
import type { ConsumerDownFrame } from '@motience/protocol';
import { type NumberedBatch, readBatch } from '@motience/stream-log';
import { FrameWriter } from './frame-writer.ts';
import { type LiveStream, topicOf } from './live-stream.ts';
import type { SlowConsumers } from './slow-consumers.ts';

/** Hands what comes to all sockets of its stream at once, and has those looked for who do not keep up. */
export class Delivery {
  private readonly frames = new FrameWriter();

  constructor(
    private readonly server: Pick<GatewayServer, 'publish'>,
    private readonly slowConsumers: Pick<SlowConsumers, 'published'>,
    private readonly onDelivered: (readings: number) => void,
  ) {}

  /** The readings of a batch, without those up to the seq `after`. */
  readings(stream: LiveStream, { batch, firstSeq }: NumberedBatch, after: number): void {
    const { producerId, narrowed, connections } = stream;
    const topic = topicOf(producerId);
    let seq = firstSeq - 1;
    readBatch(batch, (deviceId, body) => {
      seq += 1;
      if (seq <= after) return;
      const frame = this.frames.frameOf(body, seq);
      this.server.publish(topic, frame);
      if (narrowed.has(deviceId)) this.server.publish(topicOf(producerId, deviceId), frame);
      this.slowConsumers.published(frame.length, connections.size);
    });
    this.onDelivered(seq - Math.max(after, firstSeq - 1));
  }

  /** A control frame. */
  control(stream: LiveStream, frame: ConsumerDownFrame, to: 'all' | 'narrowed' = 'all'): void {
    const bytes = Buffer.from(JSON.stringify(frame));
    if (to === 'all') this.server.publish(topicOf(stream.producerId), bytes);
    for (const deviceId of stream.narrowed.keys()) this.server.publish(topicOf(stream.producerId, deviceId), bytes);
  }
}
