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
    // For so few bytes what Buffer offers for it costs twice as much.
    this.scratch.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length));
    for (let at = 0; at < tail.length; at += 1) this.scratch[length + at] = tail.charCodeAt(at);
    return new Uint8Array(this.scratch.buffer, this.scratch.byteOffset, length + tail.length);
  }
}
