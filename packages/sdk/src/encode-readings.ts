import type { NewReading } from './reading-queue.ts';

const encoder = new TextEncoder();

/** A reading as the device's socket takes it; `data` goes in byte for byte. */
function encodeReading({ deviceId, timestamp, dataText, sequence }: NewReading): string {
  const number = sequence === undefined ? '' : `,"sequence":${sequence}`;
  return `{"device_id":"${deviceId}","timestamp":"${timestamp}","data":${dataText}${number}}`;
}

/** A frame of one or more readings. */
export function encodeFrame(readings: readonly NewReading[]): string {
  const texts = readings.map(encodeReading);
  return texts.length === 1 ? texts.join('') : `[${texts.join(',')}]`;
}

/** Bytes a reading takes at most on the wire, the comma after it included, whatever its sequence is. */
export function encodedBytes(reading: NewReading): number {
  const fixed = 72 + reading.deviceId.length + reading.timestamp.length;
  const { dataText } = reading;
  // Encoding is the expensive part: only text that has something beyond ASCII needs it.
  return fixed + (isAscii(dataText) ? dataText.length : encoder.encode(dataText).length);
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) return false;
  }
  return true;
}
