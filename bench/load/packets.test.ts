import { describe, expect, it } from 'vitest';
import { mqttDialect, mqttHello } from './mqtt.ts';
import { natsDialect } from './nats.ts';
import { PacketReader } from './packets.ts';
import { readingBytes, readingText } from './reading.ts';

/** What a dialect takes the packets in `bytes` for, given in chunks of `size`. */
function kinds({ packetSize, kindOf }: typeof natsDialect, bytes: Buffer, size: number): string[] {
  const found: string[] = [];
  if (!packetSize) return found;
  const reader = new PacketReader(packetSize, (packet, start, end) => found.push(kindOf(packet, start, end)));
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    reader.read(chunk, 0, chunk.length);
  }
  return found;
}

describe('packets of NATS', () => {
  const message = `MSG stream-0 1 ${readingBytes}\r\n${readingText}\r\n`;
  const bytes = Buffer.from(`INFO {"a":1}\r\nPONG\r\n${message}PING\r\n${message}-ERR 'x'\r\n`);

  it.each([1, 2, 7, 100, 1_000])('are told apart in chunks of %i bytes', (size) => {
    expect(kinds(natsDialect, bytes, size)).toEqual(['note', 'ready', 'reading', 'ping', 'reading', 'trouble']);
  });
});

describe('packets of MQTT', () => {
  const publish = `${mqttDialect.before('stream-0')}${readingText}`;
  const bytes = Buffer.from(`\x20\x02\x00\x00\x90\x03\x00\x01\x00${publish}${publish}`, 'latin1');

  it.each([1, 2, 7, 100, 1_000])('are told apart in chunks of %i bytes', (size) => {
    expect(kinds(mqttDialect, bytes, size)).toEqual(['note', 'ready', 'reading', 'reading']);
  });

  it('subscribe to topics by their length', () => {
    expect(mqttHello(['ab'])).toEqual(['\x82\x07\x00\x01\x00\x02ab\x00']);
  });
});
