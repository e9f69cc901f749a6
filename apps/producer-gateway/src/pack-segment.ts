import { BatchWriter, type DeviceSequences, type Segment } from '@motience/stream-log';
import type { PendingReading } from './producer-session.ts';

/** Packs readings of one connection for the ingest log, in order, and notes which devices they are of. */
export function packSegment(
  producerId: string,
  readings: readonly PendingReading[],
): { segment: Segment; deviceIds: ReadonlySet<string> } {
  const batch = new BatchWriter();
  const devices = new Map<string, DeviceSequences>();
  const deviceIds = new Set<string>();
  for (const { deviceId, sequence, body } of readings) {
    batch.add(deviceId, body);
    deviceIds.add(deviceId);
    if (sequence === undefined) continue;
    const device = devices.get(deviceId);
    if (device) device.last = sequence;
    else devices.set(deviceId, { deviceId, first: sequence, last: sequence });
  }
  return { segment: { producerId, batch, devices: [...devices.values()] }, deviceIds };
}
