import type { Database } from '@motience/database';
import {
  BatchWriter,
  type Position,
  type RetainedBatch,
  type RetainedStreams,
  type SeqRange,
  type StreamPart,
} from '@motience/stream-log';
import pLimit from 'p-limit';
import { readHistory } from './services/read-history.ts';

/** What follows a position: batches, and the readings that nobody has any more. */
export interface PastPart extends Pick<StreamPart, 'standing' | 'start' | 'head' | 'reachesHead'> {
  steps: PastStep[];
}

export type PastStep = { type: 'batch'; batch: RetainedBatch } | { type: 'gap'; range: SeqRange };

const historyRows = 1_000;

/** Parts read at once for all of the process: each is held in memory here and in Redis. */
const partsAtOnce = 32;

/** What was published before: from the retained window in Redis, and what is older from PostgreSQL. */
export class PastReadings {
  private readonly limit = pLimit(partsAtOnce);

  constructor(
    private readonly retained: RetainedStreams,
    private readonly sql: Database['sql'],
  ) {}

  /**
   * A part of what follows a position, oldest first, of about `maxBytes`: never nothing unless the position is the head.
   * Waits while Redis is away; rejects while PostgreSQL is, if it is needed.
   */
  readAfter(producerId: string, position: Position, maxBytes: number): Promise<PastPart> {
    return this.limit(() => this.readPart(producerId, position, maxBytes));
  }

  private async readPart(producerId: string, position: Position, maxBytes: number): Promise<PastPart> {
    const { missing, batches, ...part } = await this.retained.readAfter(producerId, position, maxBytes);
    const [range] = missing;
    if (!range) return { ...part, steps: batches.map((batch) => ({ type: 'batch', batch })) };
    return { ...part, steps: await this.readOld(producerId, range) };
  }

  private async readOld(producerId: string, { epoch, from, to }: SeqRange): Promise<PastStep[]> {
    const rows = await readHistory(this.sql, { producerId, epoch, from, to, limit: historyRows });
    const steps: PastStep[] = [];
    let next = from;
    let at = 0;
    for (let row = rows[at]; row; row = rows[at]) {
      if (row.seq > next) steps.push({ type: 'gap', range: { epoch, from: next, to: row.seq - 1 } });
      // Readings with one time were one batch.
      const { seq: firstSeq, receivedAtMs: retainedAtMs } = row;
      const writer = new BatchWriter();
      for (; row && row.seq === firstSeq + writer.count && row.receivedAtMs === retainedAtMs; row = rows[at]) {
        writer.add(row.deviceId, row.body);
        at += 1;
      }
      next = firstSeq + writer.count;
      const batch = { epoch, firstSeq, count: writer.count, retainedAtMs, batch: writer.bytes() };
      steps.push({ type: 'batch', batch });
    }
    // What lies behind the last row is asked for next.
    if (rows.length === 0) steps.push({ type: 'gap', range: { epoch, from, to } });
    return steps;
  }
}
