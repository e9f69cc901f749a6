import { restOfEpoch } from '@motience/protocol';
import {
  lastSeq,
  type Position,
  type RetainedBatch,
  type RetainedStreams,
  type SeqRange,
  type StreamPart,
  shardOf,
} from '@motience/stream-log';
import pLimit, { type LimitFunction } from 'p-limit';
import type { History } from './history.ts';
import { PartRoom } from './part-room.ts';

/** What follows a position: batches, and the readings that nobody has any more. */
export interface PastPart extends Pick<StreamPart, 'standing' | 'start' | 'head' | 'reachesHead'> {
  steps: PastStep[];
}

/** A gap up to `restOfEpoch` says that an epoch may have gone on beyond what is known of it. */
export type PastStep = { type: 'batch'; batch: RetainedBatch } | { type: 'gap'; range: SeqRange };

/** Read from PostgreSQL at once, of readings so small that the bound in bytes allows as many. */
const historyRows = 5_000;

/** Parts read at once of a shard: each is held in memory here and in Redis. */
const partsAtOnce = 4;

/** What was published before: from the retained window in Redis, and what is older from PostgreSQL. */
export class PastReadings {
  /** One for each shard: the master of a cluster that is away holds back only its own. */
  private readonly limits: LimitFunction[];

  constructor(
    private readonly retained: RetainedStreams,
    private readonly history: History,
    shards: number,
    /** What those who catch up have of it in memory. */
    readonly room = new PartRoom(),
  ) {
    this.limits = Array.from({ length: shards }, () => pLimit(partsAtOnce));
  }

  /**
   * A part of what follows a position, oldest first, of about `maxBytes`: never nothing unless the position is the head.
   * Waits while Redis is away; rejects while PostgreSQL is, if it is needed.
   */
  async readAfter(producerId: string, position: Position, maxBytes: number): Promise<PastPart> {
    const inTurn = this.limits[shardOf(producerId, this.limits.length)];
    const read = () => this.retained.readAfter(producerId, position, maxBytes);
    const { missing, batches, ...part } = await (inTurn ? inTurn(read) : read());
    if (part.standing !== 'known') {
      const lost = await this.readLost(producerId, position, part, maxBytes);
      if (lost) return { ...part, ...lost, reachesHead: false };
    }
    const [range] = missing;
    const steps = range
      ? await this.readOld(producerId, range, maxBytes)
      : batches.map((batch): PastStep => ({ type: 'batch', batch }));
    return this.withEndOfEpoch(producerId, { ...part, steps }, maxBytes);
  }

  /**
   * What only PostgreSQL has after a position that Redis does not know, because it lost what it held, and before where
   * Redis would go on; undefined if nothing.
   */
  private async readLost(
    producerId: string,
    position: Position,
    { standing, start }: Pick<PastPart, 'standing' | 'start'>,
    maxBytes: number,
  ): Promise<Pick<PastPart, 'standing' | 'start' | 'steps'> | undefined> {
    const { epoch, seq } = position;
    const { last, between } = await this.history.end({ producerId, epoch, nextEpoch: start.epoch });
    if (last > seq) {
      const steps = await this.readOld(producerId, { epoch, from: seq + 1, to: last }, maxBytes);
      return { standing: 'known', start: position, steps };
    }
    if (between === undefined) return undefined;
    const steps = await this.readOld(producerId, { epoch: between, from: 1, to: restOfEpoch }, maxBytes);
    return { standing, start: { epoch: between, seq: 0 }, steps };
  }

  /**
   * A part in which an epoch ends goes no further than the next one. Where Redis says that an epoch ended may be too
   * early: restored from a backup, or taken over by a replica, it has forgotten the last of it. What PostgreSQL has of
   * that comes first, and then of an epoch that Redis has forgotten altogether; where there is one, or PostgreSQL cannot be
   * asked, there may be more than anybody knows.
   */
  private async withEndOfEpoch(producerId: string, part: PastPart, maxBytes: number): Promise<PastPart> {
    const { start, steps, head } = part;
    const { epoch } = start;
    const own = steps.filter((step) => epochOf(step) === epoch);
    const next = steps.find((step) => epochOf(step) !== epoch);
    const nextEpoch = next ? epochOf(next) : head.epoch;
    if ((!next && !part.reachesHead) || nextEpoch === epoch) return part;
    const from = lastOf(own.at(-1), start.seq) + 1;
    const end = await this.history.end({ producerId, epoch, nextEpoch }).catch(() => undefined);
    if (end && end.last >= from) {
      const forgotten = await this.readOld(producerId, { epoch, from, to: end.last }, maxBytes);
      return { ...part, steps: [...own, ...forgotten], reachesHead: false };
    }
    const rest: PastStep = { type: 'gap', range: { epoch, from, to: restOfEpoch } };
    if (end?.between !== undefined) {
      const range = { epoch: end.between, from: 1, to: restOfEpoch };
      return {
        ...part,
        steps: [...own, rest, ...(await this.readOld(producerId, range, maxBytes))],
        reachesHead: false,
      };
    }
    const unknown = end ? [] : [rest];
    const following = steps.filter((step) => epochOf(step) === nextEpoch);
    const isAll = own.length + following.length === steps.length && head.epoch === nextEpoch;
    return { ...part, steps: [...own, ...unknown, ...following], reachesHead: part.reachesHead && isAll };
  }

  private async readOld(producerId: string, { epoch, from, to }: SeqRange, maxBytes: number): Promise<PastStep[]> {
    const batches = await this.history.read({ producerId, epoch, from, to, limit: historyRows, maxBytes });
    const steps: PastStep[] = [];
    let next = from;
    for (const batch of batches) {
      if (batch.firstSeq > next) steps.push({ type: 'gap', range: { epoch, from: next, to: batch.firstSeq - 1 } });
      steps.push({ type: 'batch', batch });
      next = lastSeq(batch) + 1;
    }
    // What lies behind the last batch is asked for next.
    if (batches.length === 0) steps.push({ type: 'gap', range: { epoch, from, to } });
    return steps;
  }
}

function epochOf(step: PastStep): string {
  return step.type === 'gap' ? step.range.epoch : step.batch.epoch;
}

function lastOf(step: PastStep | undefined, otherwise: number): number {
  if (!step) return otherwise;
  return step.type === 'gap' ? step.range.to : lastSeq(step.batch);
}
