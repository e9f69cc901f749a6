import { readingTail } from '@motience/protocol';

/** Makes frames of readings, as consumers get them, in a buffer that it uses again. */
export class FrameWriter {
  private scratch = Buffer.allocUnsafe(64 * 1024);

  /**
   * The frame of a reading whose body lies from `start` to `end` in `bytes`. Valid until the next one; sending and
   * publishing copy it.
   */
  frameOf(bytes: Buffer, seq: number, start = 0, end = bytes.length): Uint8Array {
    const tail = readingTail(seq);
    const length = end - start;
    if (this.scratch.length < length + tail.length) this.scratch = Buffer.allocUnsafe((length + tail.length) * 2);
    bytes.copy(this.scratch, 0, start, end);
    return this.scratch.subarray(0, length + this.scratch.write(tail, length, 'latin1'));
  }
}
