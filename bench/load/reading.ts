/** The one reading that is sent again and again: its time of sending and its number are written in place. */

/** Bytes of a reading as the device sends it. */
export const readingBytes = 200;
/** Everyone's device. */
export const deviceId = 'bench-1';

const stampDigits = 16;
const numberDigits = 9;
const beforeStamp = '"data":{"t":"';
const beforeNumber = '","n":"';

const head = `{"device_id":"${deviceId}","timestamp":"2025-01-29T11:35:00.000Z",${beforeStamp}`;
const open = `${head}${'0'.repeat(stampDigits)}${beforeNumber}${'0'.repeat(numberDigits)}","pad":"`;
export const readingText = `${open}${'x'.repeat(readingBytes - open.length - 3)}"}}`;

const stampMark = Buffer.from(beforeStamp);
const toNumber = stampDigits + beforeNumber.length;

/** Where the time of sending stands, counted from `start`; -1 if this is no reading. */
export function findStamp(bytes: Buffer, start: number, end: number): number {
  const at = bytes.subarray(start, end).indexOf(stampMark);
  return at === -1 ? -1 : at + stampMark.length;
}

/** Microseconds since 1970, by a clock that all readings of one process share. */
export function nowMicros(): number {
  return (performance.timeOrigin + performance.now()) * 1_000;
}

/** Writes when a reading is sent and its number into the bytes of one. `stampAt` is where the time stands. */
export function stampReading(bytes: Buffer, stampAt: number, micros: number, number: number): void {
  writeDigits(bytes, stampAt, stampDigits, Math.floor(micros));
  writeDigits(bytes, stampAt + toNumber, numberDigits, number);
}

export function readStamp(bytes: Buffer, stampAt: number): number {
  return readDigits(bytes, stampAt, stampDigits);
}

export function readNumber(bytes: Buffer, stampAt: number): number {
  return readDigits(bytes, stampAt + toNumber, numberDigits);
}

/** The number that ends just before `end`, whatever its length: the `seq` of a delivered reading. */
export function readNumberBefore(bytes: Buffer, end: number): number {
  let value = 0;
  let scale = 1;
  for (let at = end - 1; ; at -= 1, scale *= 10) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return value;
    value += digit * scale;
  }
}

function writeDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  let left = value;
  for (let place = at + digits - 1; place >= at; place -= 1) {
    const next = Math.floor(left / 10);
    bytes[place] = 48 + left - next * 10;
    left = next;
  }
}

function readDigits(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let place = at; place < at + digits; place += 1) value = value * 10 + (bytes[place] ?? 48) - 48;
  return value;
}
