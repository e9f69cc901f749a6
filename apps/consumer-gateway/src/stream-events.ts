import { restOfEpoch } from '@motience/protocol';
import { lastSeq, type NumberedBatch, type Position, type RetainedBatch, type SeqRange } from '@motience/stream-log';
import type { PastPart, PastStep } from './past-readings.ts';

/** What one who stands at a position is told next, and where it stands then. */
export type StreamEvent<Batch extends NumberedBatch = NumberedBatch> = { at: Position } & (
  | { type: 'epoch'; recovered: boolean }
  /** These will not come. */
  | { type: 'gap'; range: SeqRange; reason: GapReason }
  /** The readings of a batch, without those up to the seq `after`. */
  | { type: 'batch'; batch: Batch; after: number }
);

export type PastEvent = StreamEvent<RetainedBatch>;

type GapReason = 'not-retained' | 'not-entitled';

/** Turns a part of the past into what one who stands at `position` is told: every reading once, in order, or a gap. */
export function* eventsAfter(position: Position, part: PastPart): Generator<PastEvent> {
  let at = position;
  if (part.standing !== 'known') {
    at = part.start;
    yield { type: 'epoch', recovered: false, at };
    if (part.standing === 'unknown') {
      const range = { epoch: position.epoch, from: position.seq + 1, to: restOfEpoch };
      yield { type: 'gap', range, reason: 'not-retained', at };
    }
  }
  let unknown: SeqRange | undefined;
  for (const step of part.steps) {
    const { epoch } = step.type === 'gap' ? step.range : step.batch;
    if (epoch !== at.epoch) {
      at = { epoch, seq: 0 };
      yield* nextEpoch(at, unknown);
      unknown = undefined;
    }
    if (step.type === 'gap' && step.range.to === restOfEpoch) {
      unknown = step.range;
      continue;
    }
    const event = eventOf(step, at);
    at = event.at;
    yield event;
  }
  if (part.reachesHead && at.epoch !== part.head.epoch) yield* nextEpoch({ epoch: part.head.epoch, seq: 0 }, unknown);
}

/** `unknown`: what the last epoch may have had beyond what is known of it. */
function* nextEpoch(at: Position, unknown: SeqRange | undefined): Generator<PastEvent> {
  yield { type: 'epoch', recovered: unknown === undefined, at };
  if (unknown) yield { type: 'gap', range: unknown, reason: 'not-retained', at };
}

function eventOf(step: PastStep, { seq: after }: Position): PastEvent {
  if (step.type === 'gap') {
    const { range } = step;
    return { type: 'gap', range, reason: 'not-retained', at: { epoch: range.epoch, seq: range.to } };
  }
  const { batch } = step;
  return { type: 'batch', batch, after, at: { epoch: batch.epoch, seq: lastSeq(batch) } };
}

/** Puts gaps in place of the readings of a time that somebody may not have, as `isEntitled` says of each batch's time. */
export function* entitledEvents(
  events: Iterable<PastEvent>,
  isEntitled: (atMs: number) => boolean,
): Generator<PastEvent> {
  let gap: Extract<PastEvent, { type: 'gap' }> | undefined;
  for (const event of events) {
    if (event.type === 'batch' && !isEntitled(event.batch.retainedAtMs)) {
      const { epoch } = event.batch;
      const range = { epoch, from: gap?.range.from ?? event.after + 1, to: event.at.seq };
      gap = { type: 'gap', range, reason: 'not-entitled', at: event.at };
      continue;
    }
    if (gap) yield gap;
    gap = undefined;
    yield event;
  }
  if (gap) yield gap;
}
