/** NATS over WebSocket: lines, and payloads after some of them, in frames that hold any number of them or a part. */
import type { Dialect } from './dialect.ts';
import { opcodes } from './frames.ts';
import { readingBytes, readNumberBefore } from './reading.ts';

const [lineFeed, m, p, i, plus, o] = ['\n', 'M', 'P', 'I', '+', 'O'].map((character) => character.charCodeAt(0));

/** A line with its end, and what `MSG` announces with the line end after it. */
function packetSize(bytes: Buffer, at: number, end: number): number | undefined {
  const feed = bytes.subarray(at, end).indexOf(lineFeed ?? 0);
  if (feed === -1) return undefined;
  return bytes[at] === m ? feed + 1 + readNumberBefore(bytes, at + feed - 1) + 2 : feed + 1;
}

export const natsDialect: Dialect = {
  hello: ['CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}\r\n'],
  readyAtOpen: false,
  opcode: opcodes.binary,
  subprotocol: '',
  packetSize,
  before: (topic) => `PUB ${topic} ${readingBytes}\r\n`,
  after: '\r\n',
  acknowledges: false,
  pong: 'PONG\r\n',
  acknowledged: () => 0,
  kindOf(bytes, start) {
    const first = bytes[start];
    if (first === m) return 'reading';
    if (first === i || first === plus) return 'note';
    if (first !== p) return 'trouble';
    // PONG answers the PING after the subscriptions.
    return bytes[start + 1] === o ? 'ready' : 'ping';
  },
};

/** Subscribes, and has the server say when it has. */
export function natsHello(topics: readonly string[]): string[] {
  return [...topics.map((topic, at) => `SUB ${topic} ${at + 1}\r\n`), 'PING\r\n'];
}
