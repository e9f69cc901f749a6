import { visitReadings } from '@motience/stream-log';
import type { StreamBatch } from './stream-minute.ts';

/** Columns in the order of `encodeReadings`. */
export const encodedColumns = [
  'producer_id',
  'epoch',
  'seq',
  'bytes_before',
  'device_id',
  'body',
  'received_at',
] as const;

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** No flags, no extension. */
const headerRest = Buffer.alloc(8);
const trailer = Buffer.from([0xff, 0xff]);

const fieldCountBytes = 2;
const lengthBytes = 4;
const bigintBytes = lengthBytes + 8;
/** Says in place of a length that a field is null. */
const nullLength = -1;
/** In a batch, where the length of the device_id has one byte and that of the body the same four as here. */
const batchLengthBytes = 1 + 4;
/** PostgreSQL counts time from 2000 on. */
const epochStartMs = Date.UTC(2000, 0, 1);

/** Readings as rows in PostgreSQL's binary form for COPY, each with the time it was numbered at. */
export function encodeReadings(batches: readonly StreamBatch[]): Buffer {
  const parts = batches.map((batch) => ({ batch, head: encodeHead(batch), tail: encodeTime(batch.retainedAtMs) }));
  let size = signature.length + headerRest.length + trailer.length;
  for (const { batch, head, tail } of parts) {
    size += batch.batch.length + batch.count * (head.length + tail.length + 2 * lengthBytes - batchLengthBytes);
  }
  const rows = Buffer.allocUnsafe(size);
  let at = signature.copy(rows);
  at += headerRest.copy(rows, at);
  for (const { batch, head, tail } of parts) at = encodeBatch(rows, at, batch, head, tail);
  trailer.copy(rows, at);
  return rows;
}

/** What a row of a batch begins with, its seq and its total of bytes still to be filled in. */
function encodeHead({ producerId, epoch, bytesThrough }: StreamBatch): Buffer {
  const epochLength = Buffer.byteLength(epoch);
  const totalBytes = bytesThrough > 0 ? bigintBytes : lengthBytes;
  const head = Buffer.alloc(fieldCountBytes + bigintBytes + lengthBytes + epochLength + bigintBytes + totalBytes);
  let at = head.writeInt16BE(encodedColumns.length);
  at = head.writeInt32BE(8, at);
  at = head.writeBigInt64BE(BigInt(producerId), at);
  at = head.writeInt32BE(epochLength, at);
  at += head.write(epoch, at);
  at = head.writeInt32BE(8, at) + 8;
  head.writeInt32BE(bytesThrough > 0 ? 8 : nullLength, at);
  return head;
}

function encodeTime(ms: number): Buffer {
  const field = Buffer.alloc(bigintBytes);
  field.writeInt32BE(8);
  field.writeBigInt64BE(BigInt(ms - epochStartMs) * 1000n, lengthBytes);
  return field;
}

/** Writes the rows of a batch; returns where they end. */
function encodeBatch(rows: Buffer, start: number, stream: StreamBatch, head: Buffer, tail: Buffer): number {
  const { batch, firstSeq, bytesBefore, bytesThrough } = stream;
  const hasTotal = bytesThrough > 0;
  const seqFromEnd = hasTotal ? bigintBytes + 8 : lengthBytes + 8;
  let at = start;
  let seq = firstSeq;
  let total = bytesBefore;
  visitReadings(batch, (deviceStart, deviceEnd, bodyStart, bodyEnd) => {
    rows.set(head, at);
    at += head.length;
    writeCount(rows, seq, at - seqFromEnd);
    if (hasTotal) writeCount(rows, total, at - 8);
    at = rows.writeInt32BE(deviceEnd - deviceStart, at);
    // The body follows with its length in front, as it has to here.
    at += batch.copy(rows, at, deviceStart, bodyEnd);
    rows.set(tail, at);
    at += tail.length;
    seq += 1;
    total += bodyEnd - bodyStart;
  });
  return at;
}

/** A whole number in 8 bytes; a bigint would be dear. */
function writeCount(rows: Buffer, count: number, at: number): void {
  rows.writeUInt32BE(Math.floor(count / 2 ** 32), at);
  rows.writeUInt32BE(count % 2 ** 32, at + 4);
}
