/** Bytes of readings in one frame; a reading that is larger goes alone. */
const packBytes = 64 * 1024;

const opening = Buffer.from('[');
const comma = Buffer.from(',');
const closing = Buffer.from(']');

/** Joins the frames of readings to frames that are arrays of them, for sockets that ask for that. */
export class FramePacker {
  private parts: Uint8Array[] = [];
  private bytes = 0;

  /** Adds a reading, which is copied; calls `send` with what was joined before when it is enough. */
  add(frame: Uint8Array, send: (pack: Uint8Array) => void): void {
    if (this.bytes + frame.length > packBytes) this.flush(send);
    this.parts.push(this.parts.length === 0 ? opening : comma, Buffer.from(frame));
    this.bytes += frame.length;
  }

  /** Calls `send` with what was joined, if anything. */
  flush(send: (pack: Uint8Array) => void): void {
    if (this.parts.length === 0) return;
    send(Buffer.concat([...this.parts, closing]));
    this.parts = [];
    this.bytes = 0;
  }
}
