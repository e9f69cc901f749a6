import { SteadyClock } from '../steady-clock.ts';
import { checkReading, readingText, type SourceItem } from './source.ts';
import { splitLines } from './split-lines.ts';

const maxLineBytes = 64 * 1024;
const wrapperFields = new Set(['device_id', 'timestamp', 'data']);

/**
 * Readings from JSON lines. A line is an object: either a reading's `data` itself, or `{"timestamp"?, "data"}`, told
 * apart by whether it has a `data` object and nothing else beside it but `timestamp` and `device_id`. Without a
 * timestamp the present moment is taken. Blank lines mean nothing; a bad one comes as a mistake.
 */
export async function* jsonLinesSource(
  chunks: AsyncIterable<Uint8Array>,
  deviceId: string,
  clock = new SteadyClock(),
): AsyncGenerator<SourceItem> {
  for await (const line of splitLines(chunks, maxLineBytes)) {
    if ('mistake' in line) {
      yield { mistake: line.mistake, line: line.number };
    } else if (line.text.trim() !== '') {
      const item = readLine(line.text, deviceId, clock);
      yield 'text' in item ? item : { ...item, line: line.number };
    }
  }
}

function readLine(line: string, deviceId: string, clock: SteadyClock): { text: string } | { mistake: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { mistake: 'expected JSON' };
  }
  if (!isObject(value)) return { mistake: 'expected a JSON object' };
  const text = isWrapped(value)
    ? unwrap(line, value, deviceId, clock)
    : readingText(deviceId, clock.now(), line.trim());
  if (value.device_id !== undefined && isWrapped(value) && value.device_id !== deviceId) {
    return { mistake: `device_id: expected ${deviceId}, the device this program streams for` };
  }
  return checkReading(text);
}

/** Completes a wrapped line without touching the text of its `data`. */
function unwrap(line: string, value: Record<string, unknown>, deviceId: string, clock: SteadyClock): string {
  const missing = [
    ...('device_id' in value ? [] : [`"device_id":${JSON.stringify(deviceId)},`]),
    ...('timestamp' in value ? [] : [`"timestamp":"${clock.now()}",`]),
  ];
  return `{${missing.join('')}${line.trim().slice(1)}`;
}

function isWrapped(value: Record<string, unknown>): boolean {
  return isObject(value.data) && Object.keys(value).every((key) => wrapperFields.has(key));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
