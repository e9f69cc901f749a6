import { describe, expect, it } from 'vitest';
import { EarlyFrames } from './early-frames.ts';

const mebibyte = 1024 * 1024;

describe('frames that come before a socket is admitted', () => {
  it('are handed out once, in order, binary ones without their content', () => {
    const early = new EarlyFrames({ bytes: 0 });
    for (const frame of ['one', undefined, 'three']) expect(early.add(frame, 10)).toBe(true);
    expect(early.take()).toEqual(['one', undefined, 'three']);
    expect(early.take()).toEqual([]);
  });

  it('are bounded for one socket', () => {
    const early = new EarlyFrames({ bytes: 0 });
    expect(early.add('', mebibyte)).toBe(true);
    expect(early.add('', mebibyte)).toBe(false);
    expect(early.take()).toHaveLength(1);
  });

  it('are bounded for all sockets together, and make room when they are handed out', () => {
    const total = { bytes: 0 };
    const sockets = Array.from({ length: 64 }, () => new EarlyFrames(total));
    expect(sockets.map((early) => early.add('', mebibyte)).filter((kept) => kept)).toHaveLength(63);
    sockets[0]?.take();
    expect(sockets[63]?.add('', mebibyte)).toBe(true);
  });
});
