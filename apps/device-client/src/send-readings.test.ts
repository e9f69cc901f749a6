import { Readable } from 'node:stream';
import { defaultLimits } from '@motience/protocol';
import { MemoryQueue, ProducerClient } from '@motience/sdk';
import pino from 'pino';
import { expect, test } from 'vitest';
import { sendReadings } from './send-readings.ts';
import { csvSource } from './sources/csv-source.ts';
import { jsonLinesSource } from './sources/json-lines-source.ts';

/** Readings of 100 bytes less than the limit to 100 more, for whatever stands around their text. */
const texts = Array.from({ length: 200 }, (_, at) => 'x'.repeat(defaultLimits.readingBytes - 200 + at));
const input = (text: string) => Readable.from([Buffer.from(text)]);

test.each([
  ['JSON lines', jsonLinesSource(input(texts.map((text) => `{"t":"${text}"}\n`).join('')), 'd')],
  ['CSV', csvSource(input(`t\n${texts.join('\n')}\n`), 'd')],
])('%s just below the largest reading are sent or told, and the rest is not given up', async (_kind, source) => {
  const client = new ProducerClient({
    gatewayUrl: 'ws://127.0.0.1:1',
    tokens: { accessToken: () => new Promise(() => {}) },
    queue: new MemoryQueue(),
    assignSequence: true,
  });
  const told: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void told.push(line) });
  const { queued, skipped } = await sendReadings(source, client, log, new AbortController().signal);
  expect(queued).toBeGreaterThan(50);
  expect(skipped).toBeGreaterThan(50);
  expect(queued + skipped).toBe(texts.length);
  expect(told[0]).toContain('a reading may have at most');
  await client.stop();
});
