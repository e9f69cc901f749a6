import { describe, expect, test, vi } from 'vitest';
import { MissedRuns } from './missed-runs.ts';
import { PacedFrames } from './paced-frames.ts';
import { ReadingBuffer } from './reading-buffer.ts';

const received = (seq: number) => ({
  reading: { producer_id: '7', device_id: 'd', timestamp: '2026-01-01T00:00:00Z', data: {}, seq },
  text: '',
});

describe('a buffer of readings', () => {
  test('asks for a pause when half full, refuses when full, and resumes when read', async () => {
    const pause = vi.fn(() => false);
    const resume = vi.fn();
    const buffer = new ReadingBuffer({ maxReadings: 4, pause, resume });
    expect([1, 2, 3, 4, 5].map((seq) => buffer.push(received(seq)))).toEqual([true, true, true, true, false]);
    expect(pause).toHaveBeenCalled();
    for (const seq of [1, 2]) expect((await buffer.take()).value?.reading.seq).toBe(seq);
    expect(resume).not.toHaveBeenCalled();
    await buffer.take();
    expect(resume).toHaveBeenCalledOnce();
  });

  test('gives what is left before it ends', async () => {
    const buffer = new ReadingBuffer({ maxReadings: 4, pause: () => true, resume: () => {} });
    buffer.push(received(1));
    buffer.end(new Error('over'));
    expect((await buffer.take()).value?.reading.seq).toBe(1);
    await expect(buffer.take()).rejects.toThrow('over');
  });
});

describe('readings that found the buffer full', () => {
  test('are reported as one run, which a jump or a new epoch ends', () => {
    const runs = new MissedRuns();
    expect([5, 6, 7].map((seq) => runs.add('7', 'e', seq))).toEqual([undefined, undefined, undefined]);
    expect(runs.add('7', 'e', 9)).toMatchObject({ from: 5, to: 7, reason: 'buffer-full' });
    expect(runs.add('7', 'f', 10)).toMatchObject({ from: 9, to: 9 });
    expect(runs.end('7')).toMatchObject({ epoch: 'f', from: 10, to: 10 });
    expect(runs.endAll()).toEqual([]);
  });
});

describe('control frames', () => {
  test('leave ten a second, and only the last wish for a stream', () => {
    const paced = new PacedFrames();
    const wish = (id: number) => ({ type: 'subscribe', producer_id: String(id) }) as const;
    const sent = Array.from({ length: 12 }, (_, at) => paced.add(wish(at))).flat();
    expect(sent).toHaveLength(10);
    expect(paced.add({ type: 'unsubscribe', producer_id: '10' })).toEqual([]);
    expect(paced.second()).toEqual([wish(11), { type: 'unsubscribe', producer_id: '10' }]);
  });
});
