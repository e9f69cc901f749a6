import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readingsIn } from '../../../tests/support/readings-in.ts';
import { BatchWriter, batchOfText, visitReadings } from './batch.ts';

const deviceId = fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/);
const body = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.constant('é🛰'.repeat(5_000)));

describe('a batch', () => {
  it('gives back what was packed, in order, byte for byte', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(deviceId, body), { maxLength: 40 }), (readings) => {
        const writer = new BatchWriter();
        for (const [device, text] of readings) writer.add(device, text);
        expect(readingsIn(writer.bytes()).map(({ deviceId, body }) => [deviceId, body])).toEqual(readings);
        expect(writer.count).toBe(readings.length);
        expect(writer.byteLength).toBe(writer.bytes().length);
      }),
    );
  });

  it('is the same from text with blanks for its lengths', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(deviceId, body), { maxLength: 40 }), (readings) => {
        const writer = new BatchWriter();
        for (const [device, text] of readings) writer.add(device, text);
        const text = readings.map(([device, body]) => ` ${device}    ${body}`).join('');
        const lengths = readings.flatMap(([device, body]) => [device.length, Buffer.byteLength(body)]);
        const { batch, count, bodyBytes } = batchOfText(text, lengths);
        expect(batch).toEqual(Buffer.from(writer.bytes()));
        expect({ count, bodyBytes }).toEqual({ count: writer.count, bodyBytes: writer.bodyBytes });
      }),
    );
  });

  it('is read on from wherever reading was stopped', () => {
    fc.assert(
      fc.property(fc.array(deviceId, { maxLength: 10 }), fc.integer({ min: 1, max: 4 }), (devices, atOnce) => {
        const writer = new BatchWriter();
        for (const device of devices) writer.add(device, 'é');
        const batch = writer.bytes();
        const read: string[] = [];
        for (let from = 0; from < batch.length; ) {
          const before = read.length;
          from = visitReadings(
            batch,
            (start, end) => read.push(batch.toString('latin1', start, end)) < before + atOnce,
            from,
          );
          expect(read.length - before).toBeLessThanOrEqual(atOnce);
        }
        expect(read).toEqual(devices);
      }),
    );
  });
});
