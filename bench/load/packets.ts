/** Bytes of the packet that begins at `at`, of those that lie before `end`; undefined if too few are there to know. */
export type SizeOf = (bytes: Buffer, at: number, end: number) => number | undefined;
type OnPacket = (bytes: Buffer, start: number, end: number) => void;

/**
 * Finds packets in a stream of bytes, however it is cut. Each is handed on as a range of bytes, which are good until
 * `read` returns.
 */
export class PacketReader {
  /** The beginning of a packet whose end has not come yet. */
  private rest: Buffer | undefined;

  constructor(
    private readonly sizeOf: SizeOf,
    private readonly onPacket: OnPacket,
  ) {}

  read(bytes: Buffer, start: number, end: number): void {
    let at = this.finishRest(bytes, start, end);
    for (;;) {
      const size = this.sizeOf(bytes, at, end);
      if (size === undefined || at + size > end) break;
      this.onPacket(bytes, at, at + size);
      at += size;
    }
    // The bytes will be overwritten.
    if (at < end) this.rest = Buffer.from(bytes.subarray(at, end));
  }

  /** Completes the packet that was cut with as many bytes as it lacks; gives where the next one begins. */
  private finishRest(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (this.rest) {
      const size = this.sizeOf(this.rest, 0, this.rest.length);
      const wanted = (size ?? this.rest.length + 1) - this.rest.length;
      if (wanted > 0 && at === end) return end;
      const taken = Math.min(wanted, end - at);
      this.rest = Buffer.concat([this.rest, bytes.subarray(at, at + taken)]);
      at += taken;
      if (this.rest.length !== size) continue;
      const whole = this.rest;
      this.rest = undefined;
      this.onPacket(whole, 0, size);
    }
    return at;
  }
}
