import { describe, expect, it } from 'vitest';
import {
  findStamp,
  nowMicros,
  readingBytes,
  readingText,
  readNumber,
  readNumberBefore,
  readStamp,
  stampReading,
} from './reading.ts';

describe('the reading', () => {
  it('has the length it is said to have, and is JSON also with its stamps', () => {
    const bytes = Buffer.from(readingText);
    expect(bytes.length).toBe(readingBytes);
    const at = findStamp(bytes, 0, bytes.length);
    stampReading(bytes, at, 1_795_279_500_123_456, 4_711);
    expect(JSON.parse(bytes.toString()).data).toMatchObject({ t: '1795279500123456', n: '000004711' });
  });

  it('tells its stamps wherever it lies', () => {
    const bytes = Buffer.from(`..42["reading",${readingText}]`);
    const at = 2 + findStamp(bytes, 2, bytes.length);
    const now = Math.floor(nowMicros());
    stampReading(bytes, at, now, 123_456_789);
    expect([readStamp(bytes, at), readNumber(bytes, at)]).toEqual([now, 123_456_789]);
  });

  it('is told from what is none, and its seq read from its end', () => {
    expect(findStamp(Buffer.from('{"type":"ack","through":12}'), 0, 27)).toBe(-1);
    expect(readNumberBefore(Buffer.from('{"type":"ack","through":12}'), 26)).toBe(12);
  });
});
