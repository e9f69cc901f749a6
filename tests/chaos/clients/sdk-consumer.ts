import { setTimeout as delay } from 'node:timers/promises';
import type { StreamPosition } from '../../../packages/protocol/dist/index.js';
import { ConsumerClient, type Gap, type ReceivedReading } from '../../../packages/sdk/dist/index.js';
import type { Consumer, ConsumerOptions } from './consumer.ts';
import { readFrame } from './read-frame.ts';
import { StreamJournal } from './stream-journal.ts';

/**
 * Receives streams with the SDK, as its caller sees them. Now and then it is made anew, with the positions that the
 * former one gave, as a program is that starts again.
 */
export class SdkConsumer implements Consumer {
  readonly journals: ReadonlyMap<string, StreamJournal>;
  readonly complaints: string[] = [];
  readonly ends = new Map<string, number>();
  subscribed = false;
  /** Gaps that lie behind readings that were not taken yet. */
  private readonly gaps = new Map<string, Gap[]>();
  private readonly epochs = new Map<string, string>();
  private client: ConsumerClient | undefined;
  private restsUntil = 0;
  private stopped = false;
  private over: Promise<void> = Promise.resolve();

  constructor(readonly options: ConsumerOptions) {
    this.journals = new Map(options.producerIds.map((id) => [id, new StreamJournal()]));
  }

  run(): Promise<void> {
    this.over = this.live();
    return this.over;
  }

  rest(forMs: number): void {
    this.restsUntil = performance.now() + forMs;
    if (!this.options.random.oneIn(2)) return;
    this.count('restart');
    void this.client?.stop();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.restsUntil = 0;
    await this.client?.stop();
    await this.over;
    for (const producerId of this.gaps.keys()) this.writeGaps(producerId, () => true);
  }

  private async live(): Promise<void> {
    let positions: StreamPosition[] = [];
    while (!this.stopped) {
      const client = this.connect(positions);
      try {
        for await (const received of client.readings()) {
          this.take(received);
          await this.resting();
        }
      } catch (error) {
        this.complaints.push(`the SDK gave up: ${error instanceof Error ? error.message : error}`);
        this.stopped = true;
      }
      positions = client.positions;
      await this.resting();
    }
  }

  private connect(positions: StreamPosition[]): ConsumerClient {
    const { urls, token, random } = this.options;
    const gatewayUrl = random.pick(urls);
    const client = new ConsumerClient({ gatewayUrl, tokens: { accessToken: async () => token }, positions });
    client.on('welcome', () => {
      this.subscribed = true;
    });
    client.on('gap', (gap) => {
      this.gaps.set(gap.producerId, [...(this.gaps.get(gap.producerId) ?? []), gap]);
    });
    client.on('closed', ({ code }) => this.count(String(code)));
    client.start();
    this.client = client;
    return client;
  }

  private take({ text, epoch }: ReceivedReading): void {
    const frame = readFrame(Buffer.from(text));
    if ('control' in frame) throw new Error(`the SDK gave a ${frame.control.type} frame as a reading`);
    const { producerId, ...reading } = frame.reading;
    const journal = this.journals.get(producerId);
    if (!journal) {
      this.complaints.push(`a reading of producer ${producerId}, which was not asked for`);
      return;
    }
    this.writeGaps(producerId, (gap) => gap.epoch === this.epochs.get(producerId) && gap.from <= reading.seq);
    if (this.epochs.get(producerId) !== epoch) {
      this.writeGaps(producerId, (gap) => gap.epoch !== epoch);
      // The caller is not told of the change otherwise; the first one began with the first reading.
      journal.addControl({ kind: 'subscribed', epoch, seq: 0, recovered: true });
      this.epochs.set(producerId, epoch);
      this.options.onEpoch(producerId, epoch);
    }
    journal.addReading({ epoch, ...reading });
  }

  private writeGaps(producerId: string, isDue: (gap: Gap) => boolean): void {
    const gaps = this.gaps.get(producerId) ?? [];
    for (const { epoch, from, to } of gaps.filter(isDue)) {
      this.journals.get(producerId)?.addControl({ kind: 'gap', epoch, from, to });
    }
    this.gaps.set(
      producerId,
      gaps.filter((gap) => !isDue(gap)),
    );
  }

  private async resting(): Promise<void> {
    while (performance.now() < this.restsUntil) await delay(Math.min(50, this.restsUntil - performance.now()));
  }

  private count(end: string): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }
}
