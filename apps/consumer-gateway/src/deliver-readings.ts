import type { GatewayServer } from '@motience/gateway-kit';
import type { ConsumerDownFrame } from '@motience/protocol';
import { lastSeq, type NumberedBatch, type Position, visitReadings } from '@motience/stream-log';
import { FramePacker } from './frame-packer.ts';
import { FrameWriter } from './frame-writer.ts';
import type { LiveStream } from './live-stream.ts';
import { everything, packedTopicOf, topicOf } from './narrowing.ts';
import type { SlowConsumers } from './slow-consumers.ts';

/** What is published to all sockets of a stream before it is counted. */
const bytesBetweenCounts = 16 * 1024;

/** Hands what comes to all sockets of its stream at once, and has those looked for who do not keep up. */
export class Delivery {
  private readonly frames = new FrameWriter();
  private readonly packer = new FramePacker();

  constructor(
    private readonly server: Pick<GatewayServer, 'publish'>,
    private readonly slowConsumers: Pick<SlowConsumers, 'published'>,
    private readonly onDelivered: (readings: number) => void,
    private readonly onMetered: (bytes: number) => void,
  ) {}

  /** The readings of a batch, without those up to the seq `after`. */
  readings(stream: LiveStream, numbered: NumberedBatch, after: number): void {
    const { epoch, batch, firstSeq, bytesThrough } = numbered;
    const { producerId, views, connections, metered } = stream;
    const bytesBefore = totalAfter(numbered, after);
    const isCovered = metered?.takes(lastSeq(numbered) - Math.max(after, firstSeq - 1), bytesThrough - bytesBefore);
    if (isCovered) metered?.begin();
    let total = bytesBefore;
    const topic = topicOf(producerId, everything);
    let seq = firstSeq - 1;
    let bytes = 0;
    const isNarrowed = !views.isEmpty;
    const isPacked = stream.packed > 0;
    const publishPack = (pack: Uint8Array) => this.server.publish(packedTopicOf(producerId), pack);
    visitReadings(batch, (deviceStart, deviceEnd, bodyStart, bodyEnd) => {
      seq += 1;
      if (seq <= after) return;
      const size = bodyEnd - bodyStart;
      if (isCovered === false) {
        if (!metered?.covers(1, size)) {
          this.packer.flush(publishPack);
          metered?.stopShort(1, size, { epoch, seq: seq - 1 });
        }
        metered?.add(epoch, seq, seq, total, total + size);
      }
      const frame = this.frames.frameOf(batch, seq, bodyStart, bodyEnd);
      this.server.publish(topic, frame);
      if (isPacked) this.packer.add(frame, publishPack);
      bytes += frame.length;
      if (bytes >= bytesBetweenCounts) {
        this.slowConsumers.published(bytes, connections.size);
        bytes = 0;
      }
      total += size;
      if (!isNarrowed) return;
      const deviceId = batch.toString('latin1', deviceStart, deviceEnd);
      const reading = { epoch, seq, bytesBefore: total - size, bytesThrough: total };
      for (const view of views.about(deviceId)) view.reading(deviceId, reading, batch.subarray(bodyStart, bodyEnd));
    });
    if (isCovered) metered?.add(epoch, Math.max(after, firstSeq - 1) + 1, seq, bytesBefore, bytesThrough);
    if (metered) this.onMetered(bytesThrough - bytesBefore);
    this.packer.flush(publishPack);
    for (const view of views.all()) view.batchDone();
    this.slowConsumers.published(bytes, connections.size);
    this.onDelivered(seq - Math.max(after, firstSeq - 1));
  }

  /** A control frame that follows what came before. */
  control({ producerId, views }: LiveStream, frame: ConsumerDownFrame): void {
    const bytes = Buffer.from(JSON.stringify(frame));
    this.publishToAll(producerId, bytes);
    for (const view of views.all()) view.control(bytes);
  }

  /** Tells up to where everything has been dealt with, when the stream stands at `at`; or only those who narrow it. */
  position({ producerId, views }: LiveStream, at: Position, to: 'all' | 'narrowed'): void {
    const frameOf = (position: Position) => positionFrame(producerId, position);
    if (to === 'all') this.publishToAll(producerId, frameOf(at));
    for (const view of views.all()) view.tellPosition(at, frameOf);
  }

  private publishToAll(producerId: string, frame: Uint8Array): void {
    this.server.publish(topicOf(producerId, everything), frame);
    this.server.publish(packedTopicOf(producerId), frame);
  }
}

function positionFrame(producerId: string, { epoch, seq }: Position): Uint8Array {
  const frame: ConsumerDownFrame = { type: 'position', producer_id: producerId, epoch, seq };
  return Buffer.from(JSON.stringify(frame));
}

/** The running total of bytes behind the seq `after`, which may lie within the batch. */
function totalAfter({ batch, firstSeq, bytesBefore }: NumberedBatch, after: number): number {
  let total = bytesBefore;
  let seq = firstSeq;
  if (after < firstSeq) return total;
  visitReadings(batch, (_deviceStart, _deviceEnd, bodyStart, bodyEnd) => {
    if (seq > after) return false;
    total += bodyEnd - bodyStart;
    seq += 1;
    return true;
  });
  return total;
}
