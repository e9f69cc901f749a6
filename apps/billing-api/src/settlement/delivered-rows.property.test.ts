import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DeliveredRows } from './delivered-rows.ts';

/** Bytes of reading n; any will do that differ. */
const bytesOf = (seq: number) => (seq * 7) % 13;
const through = (seq: number) =>
  Array.from({ length: seq }, (_, index) => bytesOf(index + 1)).reduce((a, b) => a + b, 0);

const delivery = fc
  .record({
    from: fc.integer({ min: 1, max: 40 }),
    length: fc.integer({ min: 0, max: 15 }),
    subscriptionId: fc.constantFrom('7', '8'),
    day: fc.constantFrom('2026-11-30', '2026-12-01'),
  })
  .map(({ from, length, subscriptionId, day }) => {
    const to = from + length;
    const span = { epoch: 'e', from, to, bytesBefore: through(from - 1), bytesThrough: through(to) };
    return { span, subscriptionId, day };
  });

it('each reading counts once, for whom it was delivered to first, with its very bytes, however spans overlap', () => {
  fc.assert(
    fc.property(fc.array(delivery, { maxLength: 20 }), fc.integer({ min: 1, max: 4 }), (deliveries, perTurn) => {
      const first = new Map<number, string>();
      let table = new DeliveredRows([]);
      let stored = new Map<number, ReturnType<DeliveredRows['changes']>['written'][number]>();
      deliveries.forEach(({ span, subscriptionId, day }, index) => {
        const fresh: number[] = [];
        for (let seq = span.from; seq <= span.to; seq += 1) {
          if (first.has(seq)) continue;
          first.set(seq, `${subscriptionId} ${day}`);
          fresh.push(seq);
        }
        expect(table.add(span, subscriptionId, day)).toEqual({
          readings: BigInt(fresh.length),
          bytes: BigInt(fresh.reduce((sum, seq) => sum + bytesOf(seq), 0)),
        });
        if (index % perTurn > 0 && index < deliveries.length - 1) return;
        const { removed, written } = table.changes();
        stored = new Map(stored);
        for (const seq of removed) expect(stored.delete(seq)).toBe(true);
        for (const row of written) stored.set(row.firstSeq, row);
        table = new DeliveredRows([...stored.values()]);
      });
      const rows = [...stored.values()].sort((a, b) => a.firstSeq - b.firstSeq);
      const found = new Map<number, string>();
      rows.forEach((row, index) => {
        expect(row).toMatchObject({ bytesBefore: through(row.firstSeq - 1), bytesThrough: through(row.lastSeq) });
        for (let seq = row.firstSeq; seq <= row.lastSeq; seq += 1) {
          expect(found.has(seq)).toBe(false);
          found.set(seq, `${row.subscriptionId} ${row.day}`);
        }
        const next = rows[index + 1];
        const sameCount = next?.subscriptionId === row.subscriptionId && next.day === row.day;
        if (sameCount) expect(next.firstSeq).toBeGreaterThan(row.lastSeq + 1);
      });
      expect(found).toEqual(new Map([...first].sort(([a], [b]) => a - b)));
    }),
  );
});

it('totals that go back cost nothing', () => {
  const rows = new DeliveredRows([]);
  const span = { epoch: 'e', from: 5, to: 9, bytesBefore: 100, bytesThrough: 200 };
  rows.add(span, '7', '2026-11-30');
  expect(rows.add({ ...span, from: 10, to: 11, bytesBefore: 300, bytesThrough: 250 }, '7', '2026-11-30')).toEqual({
    readings: 2n,
    bytes: 0n,
  });
});
