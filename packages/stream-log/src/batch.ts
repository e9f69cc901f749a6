/**
 * Readings of one producer, packed so that Redis and the consumer gateway pass them on without looking into them.
 * Per reading: length of the device_id (1 byte), device_id (ASCII), length of the body (4 bytes, big-endian), body
 * (UTF-8: the reading's text up to where its `seq` goes).
 */

/** Packs readings one after another. */
export class BatchWriter {
  private buffer = Buffer.allocUnsafe(1024);
  private length = 0;
  private readingCount = 0;
  private bodyLength = 0;

  get count(): number {
    return this.readingCount;
  }

  get byteLength(): number {
    return this.length;
  }

  /** Bytes of the bodies alone. */
  get bodyBytes(): number {
    return this.bodyLength;
  }

  /** Adds a reading. `deviceId` has at most 255 ASCII characters, which its schema guarantees. */
  add(deviceId: string, body: string): void {
    this.reserve(1 + deviceId.length + 4 + body.length * 3);
    this.length = this.buffer.writeUInt8(deviceId.length, this.length);
    this.length += this.buffer.write(deviceId, this.length, 'latin1');
    const written = this.buffer.write(body, this.length + 4, 'utf8');
    this.length = this.buffer.writeUInt32BE(written, this.length) + written;
    this.bodyLength += written;
    this.readingCount += 1;
  }

  /** The packed readings; a view that is valid until the next `add`. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + more));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}

/**
 * A batch from text that has blanks where the lengths go: of each reading one, the device_id, four, and the body. `lengths`
 * are those of the device_id and of the body of each in turn, in bytes.
 */
export function batchOfText(
  text: string,
  lengths: readonly number[],
): { batch: Buffer; count: number; bodyBytes: number } {
  const batch = Buffer.from(text);
  let at = 0;
  let bodyBytes = 0;
  lengths.forEach((length, index) => {
    const isBody = index % 2 === 1;
    at = (isBody ? batch.writeUInt32BE(length, at) : batch.writeUInt8(length, at)) + length;
    if (isBody) bodyBytes += length;
  });
  return { batch, count: lengths.length / 2, bodyBytes };
}

/** Where a reading lies in a batch, in bytes. */
export type VisitReading = (deviceStart: number, deviceEnd: number, bodyStart: number, bodyEnd: number) => unknown;

/**
 * Calls `each` with where every reading of a batch lies, from the byte `from` on, in order, until it returns false. Returns
 * the byte to go on from, which is the batch's length after its last reading.
 */
export function visitReadings(batch: Buffer, each: VisitReading, from = 0): number {
  let at = from;
  while (at < batch.length) {
    const deviceEnd = at + 1 + batch.readUInt8(at);
    const bodyStart = deviceEnd + 4;
    const bodyEnd = bodyStart + batch.readUInt32BE(deviceEnd);
    const goesOn = each(at + 1, deviceEnd, bodyStart, bodyEnd);
    at = bodyEnd;
    if (goesOn === false) break;
  }
  return at;
}
