import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryQueue } from './memory-queue.ts';

const reading = (value: number, sequence?: number) => ({
  deviceId: 'a',
  timestamp: '2026-01-01T00:00:00Z',
  dataText: `{"value":${value}}`,
  sequence,
});

describe('a queue in memory', () => {
  test('takes no more readings than it may hold and tells which it took', async () => {
    const queue = new MemoryQueue({ maxReadings: 2 });
    const taken = await queue.append([reading(1), reading(2), reading(3)], { number: true });
    expect(taken.map(({ id, sequence }) => [id, sequence])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('takes no more bytes than it may hold', async () => {
    const queue = new MemoryQueue({ maxBytes: 300 });
    expect(await queue.append([reading(1), reading(2), reading(3), reading(4)], { number: false })).toHaveLength(2);
  });

  test('keeps numbering while it is empty and leaves a number that a device gave itself', async () => {
    const queue = new MemoryQueue();
    await queue.append([reading(1)], { number: true });
    await queue.removeThrough(1);
    const [own, next] = await queue.append([reading(2, 77), reading(3)], { number: true });
    expect([own?.sequence, own?.numbered, next?.sequence, next?.numbered]).toEqual([77, false, 2, true]);
  });

  test('renumbers what waits and goes on after it', async () => {
    const queue = new MemoryQueue();
    await queue.append([reading(1), reading(2), reading(3)], { number: true });
    await queue.removeThrough(1);
    await queue.renumber('a', 100);
    await queue.append([reading(4)], { number: true });
    expect((await queue.read(0, 10, 10_000)).map(({ sequence }) => sequence)).toEqual([101, 102, 103]);
    expect(await queue.numbering('a')).toEqual({ last: 103, confirmed: false });
  });

  test('refuses to number beyond what JSON carries exactly', async () => {
    const queue = new MemoryQueue();
    await queue.append([reading(1), reading(2)], { number: true });
    await expect(queue.renumber('a', Number.MAX_SAFE_INTEGER - 1)).rejects.toMatchObject({ kind: 'conflict' });
    expect((await queue.read(0, 10, 10_000)).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  test('reads in order from after an id, whatever was appended and removed', async () => {
    const command = fc.oneof(
      fc.record({ append: fc.nat(20) }),
      fc.record({ removeThrough: fc.nat(60) }),
      fc.record({ removeOldest: fc.nat(10) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command), fc.nat(60), fc.nat(30), async (commands, afterId, limit) => {
        const queue = new MemoryQueue({ maxReadings: 50 });
        let model: number[] = [];
        let last = 0;
        for (const next of commands) {
          if ('append' in next) {
            const wanted = Array.from({ length: next.append }, (_, at) => reading(at));
            const taken = await queue.append(wanted, { number: true });
            expect(taken).toHaveLength(Math.min(next.append, 50 - model.length));
            for (const { id } of taken) {
              last += 1;
              expect(id).toBe(last);
              model.push(id);
            }
          } else if ('removeThrough' in next) {
            await queue.removeThrough(next.removeThrough);
            model = model.filter((id) => id > next.removeThrough);
          } else {
            expect(await queue.removeOldest(next.removeOldest)).toBe(Math.min(next.removeOldest, model.length));
            model = model.slice(next.removeOldest);
          }
        }
        const read = await queue.read(afterId, limit, 1_000_000);
        expect(read.map(({ id }) => id)).toEqual(model.filter((id) => id > afterId).slice(0, limit));
        expect(queue.size().readings).toBe(model.length);
        expect(queue.size().bytes > 0).toBe(model.length > 0);
      }),
    );
  });
});
