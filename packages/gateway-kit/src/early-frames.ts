/** A text frame, or undefined for a binary one, whose content never matters. */
export type Frame = string | undefined;

/** What a frame costs beside its bytes. */
const overheadBytes = 64;
const maxBytes = 2 * 1024 * 1024;
const maxTotalBytes = 64 * 1024 * 1024;

/** What is kept for all sockets of a server together: their senders are not known yet. */
export interface EarlyTotal {
  bytes: number;
}

/** Frames of a socket that is not admitted yet, within bounds. */
export class EarlyFrames {
  private frames: Frame[] = [];
  private bytes = 0;

  constructor(private readonly total: EarlyTotal) {}

  /** Keeps a frame; false if it does not fit. */
  add(frame: Frame, byteLength: number): boolean {
    const bytes = byteLength + overheadBytes;
    if (this.bytes + bytes > maxBytes || this.total.bytes + bytes > maxTotalBytes) return false;
    this.frames.push(frame);
    this.bytes += bytes;
    this.total.bytes += bytes;
    return true;
  }

  /** Hands out what is kept, in order, and keeps nothing. */
  take(): Frame[] {
    const { frames } = this;
    this.total.bytes -= this.bytes;
    this.frames = [];
    this.bytes = 0;
    return frames;
  }
}
