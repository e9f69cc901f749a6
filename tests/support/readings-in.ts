import { visitReadings } from '../../packages/stream-log/src/batch.ts';

/** The readings of a batch, in order. */
export function readingsIn(batch: Buffer): { deviceId: string; body: string }[] {
  const readings: { deviceId: string; body: string }[] = [];
  visitReadings(batch, (deviceStart, deviceEnd, bodyStart, bodyEnd) => {
    const deviceId = batch.toString('latin1', deviceStart, deviceEnd);
    readings.push({ deviceId, body: batch.toString('utf8', bodyStart, bodyEnd) });
  });
  return readings;
}
