import type { DeliveredSpan } from '@motience/stream-log';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { uniteSpans } from './unite-spans.ts';
import { UnreportedSpans } from './unreported-spans.ts';

const span = (from: number, to: number, epoch = 'e'): DeliveredSpan => ({
  epoch,
  from,
  to,
  bytesBefore: (from - 1) * 10,
  bytesThrough: to * 10,
});

it('what follows what came last is joined to it, so that nothing grows while it cannot be reported', () => {
  const spans = new UnreportedSpans();
  for (let seq = 1; seq <= 100_000; seq += 1) spans.add(span(seq, seq));
  expect(spans.count).toBe(1);
  expect(spans.take(10)).toEqual([span(1, 100_000)]);
  expect(spans.count).toBe(0);
});

it('the same that went out in several places by turns is joined before there is much of it', () => {
  const spans = new UnreportedSpans();
  let most = 0;
  for (let from = 1; from <= 100_000; from += 10) {
    for (let place = 0; place < 5; place += 1) spans.add(span(from, from + 9));
    most = Math.max(most, spans.count);
  }
  expect(most).toBeLessThan(5_000);
  expect(spans.take(10)).toEqual([span(1, 100_000)]);
});

it('nothing that is handed to it changes', () => {
  const spans = new UnreportedSpans();
  const first = span(1, 1);
  spans.add(first);
  spans.add(span(2, 2));
  expect(first).toEqual(span(1, 1));
});

it('however it is taken, each reading is in it once, in the order of its epoch', () => {
  const anySpan = fc
    .record({ epoch: fc.constantFrom('e', 'f'), from: fc.integer({ min: 1, max: 40 }), more: fc.nat(5) })
    .map(({ epoch, from, more }) => span(from, from + more, epoch));
  fc.assert(
    fc.property(fc.array(anySpan), fc.integer({ min: 1, max: 5 }), (all, most) => {
      const spans = new UnreportedSpans();
      for (const each of all) spans.add(each);
      const taken: DeliveredSpan[] = [];
      while (spans.count > 0) taken.push(...spans.take(most));
      expect(taken).toEqual(uniteSpans(all));
    }),
  );
});
