import { describe, expect, test, vi } from 'vitest';
import { ReadingBuffer } from './reading-buffer.ts';

const received = (seq: number) => ({
  reading: { producer_id: '7', device_id: 'd', timestamp: '2026-01-01T00:00:00Z', data: {}, seq },
  text: '',
  epoch: 'e',
});

function open() {
  const finished: number[] = [];
  const pause = vi.fn(() => false);
  const resume = vi.fn();
  const buffer = new ReadingBuffer({
    maxReadings: 4,
    pause,
    resume,
    finished: ({ reading }) => finished.push(reading.seq),
  });
  return { buffer, finished, pause, resume };
}

describe('a buffer of readings', () => {
  test('asks for a pause when half full, has no room when full, and resumes when read', async () => {
    const { buffer, pause, resume } = open();
    buffer.push(received(1));
    expect(pause).not.toHaveBeenCalled();
    for (const seq of [2, 3, 4]) buffer.push(received(seq));
    expect(pause).toHaveBeenCalled();
    expect(buffer.hasRoom).toBe(false);
    for (const seq of [1, 2]) expect((await buffer.take()).value?.reading.seq).toBe(seq);
    expect(buffer.hasRoom).toBe(true);
    expect(resume).not.toHaveBeenCalled();
    await buffer.take();
    expect(resume).toHaveBeenCalledOnce();
  });

  test('gives what is left before it ends', async () => {
    const { buffer } = open();
    buffer.push(received(1));
    buffer.end(new Error('over'));
    expect(buffer.hasRoom).toBe(false);
    expect((await buffer.take()).value?.reading.seq).toBe(1);
    await expect(buffer.take()).rejects.toThrow('over');
  });

  test('counts a reading as finished when the next one is asked for, not when it is handed out', async () => {
    const { buffer, finished } = open();
    const first = buffer.take();
    buffer.push(received(1));
    await first;
    expect(finished).toEqual([]);
    const second = buffer.take();
    expect(finished).toEqual([1]);
    buffer.push(received(2));
    await second;
    buffer.end();
    expect(finished).toEqual([1]);
    expect(await buffer.take()).toEqual({ done: true, value: undefined });
    expect(finished).toEqual([1, 2]);
  });
});
