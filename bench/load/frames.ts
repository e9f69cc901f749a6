/** What load needs of the WebSocket framing (RFC 6455), and no more: whole frames, no fragments, no extensions. */

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const finalFragment = 0x80;
const masked = 0x80;
const maskBytes = 4;

/**
 * A frame as clients send it. The mask is all zeros, which servers have to apply like any other: it costs them the same,
 * and the payload can be written in place. (A mask protects proxies from chosen bytes; there is none on the way here.)
 */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const size = payload.length;
  const lengthBytes = size < 126 ? 0 : size < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + maskBytes + size);
  frame[0] = finalFragment | opcode;
  frame[1] = masked | (lengthBytes === 0 ? size : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(size, 2);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(size), 2);
  frame.set(payload, 2 + lengthBytes + maskBytes);
  return frame;
}

/** Bytes from the first byte of a server's frame to its payload, known from its second byte. */
function headerLength(secondByte: number): number {
  return secondByte < 126 ? 2 : secondByte === 126 ? 4 : 10;
}

type OnFrame = (opcode: number, bytes: Buffer, start: number, end: number) => void;

/**
 * Finds a server's frames in what comes in over TCP, however it is cut. Each is handed on as a range of bytes, which are
 * good until `read` returns. Throws on what no server of ours sends.
 */
export class FrameReader {
  /** The beginning of a frame whose end has not come yet. */
  private rest: Buffer | undefined;

  constructor(private readonly onFrame: OnFrame) {}

  read(bytes: Buffer, length: number): void {
    let at = this.finishRest(bytes, length);
    for (;;) {
      const size = frameSize(bytes, at, length);
      if (size === undefined || at + size > length) break;
      this.hand(bytes, at, size);
      at += size;
    }
    // The bytes will be overwritten.
    if (at < length) this.rest = Buffer.from(bytes.subarray(at, length));
  }

  /** Completes the frame that was cut with as many bytes as it lacks; gives where the next one begins. */
  private finishRest(bytes: Buffer, length: number): number {
    let at = 0;
    while (this.rest) {
      const size = frameSize(this.rest, 0, this.rest.length);
      const wanted = (size ?? this.rest.length + 1) - this.rest.length;
      const taken = Math.min(wanted, length - at);
      if (taken === 0 && wanted > 0) return length;
      this.rest = Buffer.concat([this.rest, bytes.subarray(at, at + taken)]);
      at += taken;
      if (this.rest.length !== size) continue;
      const whole = this.rest;
      this.rest = undefined;
      this.hand(whole, 0, size);
    }
    return at;
  }

  private hand(bytes: Buffer, at: number, size: number): void {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    if ((first & 0xf0) !== finalFragment || second >= masked) throw new Error('expected a whole, plain server frame');
    this.onFrame(first & 0x0f, bytes, at + headerLength(second), at + size);
  }
}

/** Bytes of the frame that begins at `at`; undefined if too little of it is there to know. */
function frameSize(bytes: Buffer, at: number, length: number): number | undefined {
  if (length - at < 2) return undefined;
  const second = bytes[at + 1] ?? 0;
  if (second < 126) return 2 + second;
  if (length - at < headerLength(second & 0x7f)) return undefined;
  if (second === 126) return 4 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  if (second === 127) return 10 + Number(bytes.readBigUInt64BE(at + 2));
  return 2;
}
