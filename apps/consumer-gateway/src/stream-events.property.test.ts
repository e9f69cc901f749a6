import { restOfEpoch } from '@motience/protocol';
import type { Position, RetainedBatch } from '@motience/stream-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PastPart, PastStep } from './past-readings.ts';
import { entitledEvents, eventsAfter, type PastEvent } from './stream-events.ts';

/** A stream's whole past: its epochs in turn, each of batches that are there still or gone. */
interface Epoch {
  name: string;
  batches: { firstSeq: number; count: number; atMs: number; isGone: boolean }[];
}

const history = fc
  .array(fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), isGone: fc.boolean() }), { maxLength: 6 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((epochs) => {
    let atMs = 0;
    return epochs.map((sizes, index): Epoch => {
      let next = 1;
      const batches = sizes.map(({ count, isGone }) => {
        const firstSeq = next;
        next += count;
        atMs += 10;
        return { firstSeq, count, atMs, isGone };
      });
      return { name: `e${index}`, batches };
    });
  });

const lastOf = ({ batches }: Epoch) => batches.reduce((sum, { count }) => sum + count, 0);

/** What is read after a position, at most so many batches of it, as Redis and PostgreSQL have it. */
function partAfter(epochs: readonly Epoch[], position: Position, most: number): PastPart {
  const newest = epochs.at(-1) ?? { name: '', batches: [] };
  const head = { epoch: newest.name, seq: lastOf(newest) };
  let at = epochs.findIndex(({ name }) => name === position.epoch);
  let { seq } = position;
  let standing: PastPart['standing'] = 'known';
  if (at < 0) [at, seq, standing] = [0, 0, 'unknown'];
  else if (seq > lastOf(epochs[at] ?? newest)) {
    standing = 'beyond';
    if (at < epochs.length - 1) [at, seq] = [at + 1, 0];
    else seq = lastOf(newest);
  }
  const start = { epoch: epochs[at]?.name ?? '', seq };
  const following = epochs
    .slice(at)
    .flatMap(({ name, batches }, index) =>
      batches
        .filter(({ firstSeq, count }) => index > 0 || firstSeq + count - 1 > seq)
        .map((batch) => ({ epoch: name, after: index > 0 ? 0 : seq, ...batch })),
    );
  const steps = following.slice(0, most).map(({ epoch, firstSeq, count, atMs, isGone, after }): PastStep => {
    if (isGone) {
      const from = Math.max(firstSeq, after + 1);
      return { type: 'gap', range: { epoch, from, to: firstSeq + count - 1 } };
    }
    const totals = { bytesBefore: 0, bytesThrough: 0 };
    const batch: RetainedBatch = { epoch, firstSeq, count, ...totals, retainedAtMs: atMs, batch: Buffer.of() };
    return { type: 'batch', batch };
  });
  return { standing, start, head, steps, reachesHead: following.length <= most };
}

/** Reads on until the head; all that one is told on the way. */
function tellAll(epochs: readonly Epoch[], from: Position, most: number, isEntitled = (_atMs: number) => true) {
  const told: PastEvent[] = [];
  let at = from;
  for (;;) {
    const part = partAfter(epochs, at, most);
    const events = [...entitledEvents(eventsAfter(at, part), isEntitled)];
    told.push(...events);
    at = events.at(-1)?.at ?? at;
    if (part.reachesHead) return { told, at };
  }
}

/** Everything told, as a reader counts it: where it stands, and what became of each seq. */
function account(from: Position, told: readonly PastEvent[]): string[] {
  let { epoch } = from;
  return told.flatMap((event) => {
    if (event.type === 'epoch') epoch = event.at.epoch;
    if (event.type === 'epoch') return [];
    const isGap = event.type === 'gap';
    if (isGap && event.range.to === restOfEpoch) return [];
    const first = isGap ? event.range.from : Math.max(event.batch.firstSeq, event.after + 1);
    expect(isGap ? event.range.epoch : event.batch.epoch).toBe(epoch);
    const fate = isGap ? event.reason : 'sent';
    return Array.from({ length: event.at.seq - first + 1 }, (_, index) => `${epoch} ${first + index} ${fate}`);
  });
}

/** The same as it has to be. */
function expected(epochs: readonly Epoch[], from: Position, isEntitled = (_atMs: number) => true): string[] {
  const { start } = partAfter(epochs, from, 0);
  const at = epochs.findIndex(({ name }) => name === start.epoch);
  return epochs.slice(at).flatMap(({ name, batches }, index) =>
    batches.flatMap(({ firstSeq, count, atMs, isGone }) =>
      Array.from({ length: count }, (_, offset) => firstSeq + offset)
        .filter((seq) => index > 0 || seq > start.seq)
        .map((seq) => `${name} ${seq} ${isGone ? 'not-retained' : isEntitled(atMs) ? 'sent' : 'not-entitled'}`),
    ),
  );
}

const position = fc.record({ epoch: fc.constantFrom('e0', 'e1', 'e2', 'e3', 'lost'), seq: fc.nat({ max: 12 }) });
const most = fc.integer({ min: 1, max: 5 });

describe('whoever reads on from any position, in parts of any size', () => {
  it('is told each reading once and in order, or that it will not come', () => {
    fc.assert(
      fc.property(history, position, most, (epochs, from, size) => {
        const { told, at } = tellAll(epochs, from, size);
        expect(account(from, told)).toEqual(expected(epochs, from));
        expect(at).toEqual(partAfter(epochs, from, 0).head);
      }),
    );
  });

  it('is told of every epoch before its first reading, and whether it was lost on the way', () => {
    fc.assert(
      fc.property(history, position, most, (epochs, from, size) => {
        const changes = tellAll(epochs, from, size).told.filter((event) => event.type === 'epoch');
        const isKnown = partAfter(epochs, from, 0).standing === 'known';
        expect(changes.map(({ recovered }) => recovered)).toEqual(changes.map((_, index) => isKnown || index > 0));
      }),
    );
  });

  it('gets nothing of a time it may not have, and a gap for that', () => {
    fc.assert(
      fc.property(
        history,
        position,
        most,
        fc.integer({ min: 0, max: 200 }),
        fc.nat({ max: 100 }),
        (epochs, from, size, begin, length) => {
          const isEntitled = (atMs: number) => atMs >= begin && atMs < begin + length;
          expect(account(from, tellAll(epochs, from, size, isEntitled).told)).toEqual(
            expected(epochs, from, isEntitled),
          );
        },
      ),
    );
  });
});
