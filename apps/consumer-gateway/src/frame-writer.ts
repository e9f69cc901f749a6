import { readingTail } from '@motience/protocol';

/** Makes frames of readings, as consumers get them, in a buffer that it uses again. */
export class FrameWriter {
  private scratch = Buffer.allocUnsafe(64 * 1024);

  /** The frame of a reading. Valid until the next one; sending and publishing copy it. */
  frameOf(body: Buffer, seq: number): Uint8Array {
    const tail = readingTail(seq);
    if (this.scratch.length < body.length + tail.length) {
      this.scratch = Buffer.allocUnsafe((body.length + tail.length) * 2);
    }
    body.copy(this.scratch);
    const end = body.length + this.scratch.write(tail, body.length, 'latin1');
    return this.scratch.subarray(0, end);
  }
}
