/** What load needs of the WebSocket framing (RFC 6455), and no more: whole frames, no fragments, no extensions. */
import { PacketReader } from './packets.ts';

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

/** Finds a server's frames in what comes in over TCP. Throws on what no server of ours sends. */
export function frameReader(onFrame: OnFrame): PacketReader {
  return new PacketReader(frameSize, (bytes, start, end) => {
    const first = bytes[start] ?? 0;
    const second = bytes[start + 1] ?? 0;
    if ((first & 0xf0) !== finalFragment || second >= masked) throw new Error('expected a whole, plain server frame');
    onFrame(first & 0x0f, bytes, start + headerLength(second), end);
  });
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
