import type { ISql } from 'postgres';
import { arrayText } from './array-text.ts';
import type { StreamMinute } from './stream-minute.ts';

/** Devices that are remembered as recorded; beyond it all are forgotten, which costs writing them once more. */
const mostRemembered = 200_000;

/** A device of a stream that sent a reading. */
interface SeenDevice {
  producerId: string;
  deviceId: string;
  minuteMs: number;
  receivedAtMs: number;
}

/** Which devices were recorded in which minute, so that each is written once a minute and not with each of its readings. */
export class SeenDevices {
  private readonly recorded = new Map<string, number>();

  constructor(private readonly most = mostRemembered) {}

  /** The devices in `minutes` that are not recorded for their minute yet, by stream and name. */
  unrecorded(minutes: readonly Pick<StreamMinute, 'producerId' | 'minuteMs' | 'devices'>[]): SeenDevice[] {
    const seen = new Map<string, SeenDevice>();
    for (const { producerId, minuteMs, devices } of minutes) {
      for (const [deviceId, receivedAtMs] of devices) {
        const key = keyOf(producerId, deviceId);
        if ((this.recorded.get(key) ?? 0) < minuteMs) seen.set(key, { producerId, deviceId, minuteMs, receivedAtMs });
      }
    }
    return [...seen].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, device]) => device);
  }

  /** Remembers devices as recorded: once that is committed. */
  remember(devices: readonly SeenDevice[]): void {
    if (this.recorded.size + devices.length > this.most) this.recorded.clear();
    for (const { producerId, deviceId, minuteMs } of devices) this.recorded.set(keyOf(producerId, deviceId), minuteMs);
  }
}

function keyOf(producerId: string, deviceId: string): string {
  return `${producerId} ${deviceId}`;
}

/** Records when devices were first and last heard of. Repeating it is harmless. */
export async function recordDevices(sql: ISql, devices: readonly SeenDevice[]): Promise<void> {
  if (devices.length === 0) return;
  await sql`
    insert into stream_devices as kept (producer_id, device_id, first_received_at, last_received_at)
    select producer_id, device_id, to_timestamp(received_ms / 1000.0), to_timestamp(received_ms / 1000.0)
    from unnest(
      ${arrayText(devices.map(({ producerId }) => producerId))}::bigint[],
      ${devices.map(({ deviceId }) => deviceId)}::text[],
      ${arrayText(devices.map(({ receivedAtMs }) => receivedAtMs))}::bigint[]
    ) as seen (producer_id, device_id, received_ms)
    on conflict (producer_id, device_id) do update set
      first_received_at = least(kept.first_received_at, excluded.first_received_at),
      last_received_at = greatest(kept.last_received_at, excluded.last_received_at)`;
}
