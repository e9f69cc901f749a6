/** MQTT 3.1.1 over WebSocket, quality of service 0: packets in frames that hold any number of them or a part. */
import type { Dialect } from './dialect.ts';
import { opcodes } from './frames.ts';
import { readingBytes } from './reading.ts';

const types = { connack: 2, publish: 3, suback: 9, pingresp: 13 };

/** A packet's type, its length and its content; lengths up to 16,383 are all that is needed here. */
function packet(firstByte: number, content: string): string {
  const { length } = content;
  const size = length < 128 ? [length] : [(length % 128) | 128, Math.floor(length / 128)];
  return String.fromCharCode(firstByte, ...size) + content;
}

const text = (value: string) => String.fromCharCode(value.length >> 8, value.length & 0xff) + value;

function packetSize(bytes: Buffer, at: number, end: number): number | undefined {
  let length = 0;
  for (let place = 0; place < 4; place += 1) {
    if (at + 1 + place >= end) return undefined;
    const byte = bytes[at + 1 + place] ?? 0;
    length += (byte & 0x7f) << (7 * place);
    if (byte < 128) return 2 + place + length;
  }
  throw new Error('expected an MQTT packet');
}

export const mqttDialect: Dialect = {
  // A clean session under a name that the server picks, without a keep-alive.
  hello: [packet(0x10, `${text('MQTT')}\x04\x02\x00\x00${text('')}`)],
  readyAtOpen: false,
  opcode: opcodes.binary,
  subprotocol: 'mqtt',
  packetSize,
  before: (topic) => packet(0x30, text(topic) + 'x'.repeat(readingBytes)).slice(0, -readingBytes),
  after: '',
  acknowledges: false,
  pong: '',
  acknowledged: () => 0,
  kindOf(bytes, start) {
    const type = (bytes[start] ?? 0) >> 4;
    if (type === types.publish) return 'reading';
    if (type === types.suback) return 'ready';
    return type === types.connack || type === types.pingresp ? 'note' : 'trouble';
  },
};

/** Subscribes. A producer does so too, to what nobody sends: the answer says that it is connected. */
export function mqttHello(topics: readonly string[]): string[] {
  const identifier = '\x00\x01';
  return [packet(0x82, identifier + topics.map((topic) => `${text(topic)}\x00`).join(''))];
}
