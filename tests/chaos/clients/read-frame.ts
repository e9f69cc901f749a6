import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { type ConsumerDownFrame, consumerDownFrameSchema } from '../../../packages/protocol/dist/index.js';

const readingSchema = z.object({
  producer_id: z.string(),
  device_id: z.string(),
  sequence: z.int(),
  seq: z.int(),
});

/** A reading as a consumer got it. */
export interface ReadingFrame {
  producerId: string;
  deviceId: string;
  sequence: number;
  seq: number;
  checksum: number;
}

/** Reads a frame that came down a consumer's socket. */
export function readFrame(bytes: Buffer): { reading: ReadingFrame } | { control: ConsumerDownFrame } {
  const parsed: unknown = JSON.parse(bytes.toString());
  if (typeof parsed === 'object' && parsed !== null && 'type' in parsed) {
    return { control: consumerDownFrameSchema.parse(parsed) };
  }
  const { producer_id, device_id, sequence, seq } = readingSchema.parse(parsed);
  const body = bytes.subarray(0, bytes.lastIndexOf(',"seq":'));
  return { reading: { producerId: producer_id, deviceId: device_id, sequence, seq, checksum: crc32(body) } };
}

/** What identifies the bytes of a stored body. */
export const bodyChecksum = (body: string): number => crc32(body);
