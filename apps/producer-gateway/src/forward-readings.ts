import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import {
  type DeviceSequences,
  type IngestLog,
  maxFlushBytes,
  maxFlushReadings,
  maxFlushSegments,
  type Segment,
} from '@motience/stream-log';
import type { FlushPace } from './flush-pace.ts';
import { packSegment } from './pack-segment.ts';
import type { ProducerConnection } from './producer-connection.ts';
import { type FlushPart, noteRepeat, settle, takePending, takeRepeat } from './producer-session.ts';

interface ConnectionPart extends FlushPart {
  connection: ProducerConnection;
}

/** Told of every flush that was stored: for metrics and presence. */
export interface FlushListener {
  stored(shard: number, producerId: string, deviceIds: Iterable<string>, readings: number): void;
  flushed(milliseconds: number): void;
}

/**
 * Stores the readings of one shard's connections. One flush is under way at a time and takes all that came while the
 * last one was: batches grow by themselves under load, and nothing can overtake what was sent before it.
 */
export class ShardForwarder {
  private readonly waiting = new Set<ProducerConnection>();
  private flushNumber = 0;
  private running: Promise<void> | undefined;

  constructor(
    private readonly shard: number,
    private readonly pace: FlushPace,
    private readonly log: IngestLog,
    private readonly listener: FlushListener,
    private readonly logger: Logger,
  ) {}

  /** Has a connection's readings stored with the next flush, after this turn of the event loop. */
  add(connection: ProducerConnection): void {
    this.waiting.add(connection);
    this.running ??= this.run();
  }

  /** Resolves once nothing waits. */
  async settled(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.size > 0) {
      await this.pace.turn();
      await this.flush(this.takeParts());
    }
    this.running = undefined;
  }

  private takeParts(): ConnectionPart[] {
    const parts: ConnectionPart[] = [];
    let readings = 0;
    let bytes = 0;
    for (const connection of this.waiting) {
      if (parts.length >= maxFlushSegments || readings >= maxFlushReadings || bytes >= maxFlushBytes) break;
      const part = takePending(connection.session, maxFlushReadings - readings, maxFlushBytes - bytes);
      parts.push({ connection, ...part });
      readings += part.readings.length;
      bytes += part.bytes;
      this.waiting.delete(connection);
      if (connection.session.pending.length > 0) this.waiting.add(connection);
    }
    return parts;
  }

  private async flush(parts: ConnectionPart[]): Promise<void> {
    try {
      const outcome = await this.store(parts);
      for (const part of parts) {
        if (outcome === 'stored') acknowledge(part);
        else failPart(part, 'the platform is catching up');
      }
    } catch (error) {
      this.logger.error({ err: error, shard: this.shard }, 'a flush failed');
      for (const part of parts) failPart(part, 'readings cannot be stored at the moment');
    }
  }

  /** Stores the parts; what turns out to be stored already is taken out and the rest tried again under the same number. */
  private async store(parts: ConnectionPart[]): Promise<'stored' | 'full'> {
    this.flushNumber += 1;
    for (;;) {
      const filled = parts.filter(({ readings }) => readings.length > 0);
      if (filled.length === 0) return 'stored';
      const packed = filled.map((part) => ({ part, ...packSegment(part.session.producerId, part.readings) }));
      const startedAt = performance.now();
      const result = await this.log.append(
        this.shard,
        this.flushNumber,
        packed.map(({ segment }) => segment),
      );
      this.listener.flushed(performance.now() - startedAt);
      if (result.outcome === 'full') return 'full';
      if (result.outcome === 'stored') {
        for (const { part, deviceIds } of packed) {
          this.listener.stored(this.shard, part.session.producerId, deviceIds, part.readings.length);
        }
        return 'stored';
      }
      const stale = new Map<DeviceSequences, number>(result.devices.map(({ device, stored }) => [device, stored]));
      for (const { part, segment } of packed) takeOutRepeats(part, segment, stale);
    }
  }
}

function takeOutRepeats(part: FlushPart, segment: Segment, stale: ReadonlyMap<DeviceSequences, number>): void {
  for (const device of segment.devices) {
    const stored = stale.get(device);
    if (stored === undefined) continue;
    noteRepeat(part.session, { deviceId: device.deviceId, sequence: stored, after: 0 });
    part.readings = part.readings.filter(
      ({ deviceId, sequence }) => deviceId !== device.deviceId || sequence === undefined || sequence > stored,
    );
  }
}

function acknowledge(part: ConnectionPart): void {
  settle(part);
  const { connection, session, through } = part;
  const repeat = takeRepeat(session);
  if (repeat) {
    connection.send(JSON.stringify({ type: 'repeat', device_id: repeat.deviceId, sequence: repeat.sequence }));
  }
  connection.send(`{"type":"ack","through":${through}}`);
}

function failPart({ connection }: ConnectionPart, why: string): void {
  connection.fail(new Refusal('unavailable', `${why}: reconnect and send again`, { retryAfterSeconds: 1 }));
}
