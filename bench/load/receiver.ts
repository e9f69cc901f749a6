import { z } from 'zod';
import type { Connection } from './connection.ts';
import type { LatencyRecorder } from './latency-recorder.ts';
import { findStamp, nowMicros, readNumber, readNumberBefore, readStamp } from './reading.ts';

const welcomeSchema = z.object({
  type: z.literal('welcome'),
  streams: z.array(z.object({ producer_id: z.string(), epoch: z.string(), seq: z.number() })),
});

/** The streams a consumer was greeted with; none where servers do not number. */
export function streamsOf({ greeting, dialect }: Connection) {
  if (!dialect.acknowledges || greeting === '') return [];
  return welcomeSchema.parse(JSON.parse(greeting)).streams;
}

interface ReceiverOptions {
  latency: LatencyRecorder;
  /** Whether all readings come from one sender: then the last of each chunk has to be the one that is due. */
  oneSender: boolean;
  onTrouble(why: string): void;
}

/** Counts what a connection delivers. */
export class Receiver {
  delivered = 0;
  /** Where readings tell their times; the same for all of a connection. */
  private stampAt = -1;
  private lastBytes: Buffer | undefined;
  private lastStart = 0;
  private lastEnd = 0;
  private checked = 0;
  /** When the chunk that is being read came; 0 between chunks. */
  private arrivedAt = 0;
  private isSound = true;
  private readonly latency: LatencyRecorder;
  private readonly firstSeq: number;

  constructor(
    connection: Connection,
    private readonly options: ReceiverOptions,
    onChunk: (receiver: Receiver) => void,
  ) {
    this.latency = options.latency;
    const [stream, ...others] = streamsOf(connection);
    this.firstSeq = stream && others.length === 0 ? stream.seq + 1 : -1;
    connection.onReading = (bytes, start, end) => this.receive(bytes, start, end);
    connection.onChunk = () => {
      this.arrivedAt = 0;
      if (options.oneSender) this.checkLast();
      onChunk(this);
    };
    connection.onTrouble = options.onTrouble;
  }

  private receive(bytes: Buffer, start: number, end: number): void {
    if (this.stampAt === -1) this.stampAt = findStamp(bytes, start, end);
    this.delivered += 1;
    this.lastBytes = bytes;
    this.lastStart = start;
    this.lastEnd = end;
    if (!this.latency.isOn) return;
    if (this.arrivedAt === 0) this.arrivedAt = nowMicros();
    this.latency.record(readStamp(bytes, start + this.stampAt), this.arrivedAt);
  }

  /** Nothing was left out, repeated or reordered if the last reading is the one that is due by its number and its `seq`. */
  private checkLast(): void {
    if (this.delivered === this.checked || !this.lastBytes || !this.isSound) return;
    this.checked = this.delivered;
    const due = this.delivered - 1;
    const number = readNumber(this.lastBytes, this.lastStart + this.stampAt);
    const seq = this.firstSeq === -1 ? due : readNumberBefore(this.lastBytes, this.lastEnd - 1) - this.firstSeq;
    if (number === due && seq === due) return;
    this.isSound = false;
    this.options.onTrouble(`reading ${due} was due, but number ${number} came, the ${seq}. by its seq`);
  }
}
