import { devices, lockAccounts, type Queryable, users } from '@motience/database';
import { type Device, Refusal } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, asc, count, eq, gt } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';

type DeviceRow = typeof devices.$inferSelect;

/** A producer's devices, in the order they were added. */
export async function listDevices({ database }: Context, producerId: string, query: PageQuery): Promise<Page<Device>> {
  const rows = await database.db
    .select()
    .from(devices)
    .where(and(eq(devices.producerId, BigInt(producerId)), gt(devices.id, afterCursor(query.cursor))))
    .orderBy(asc(devices.id))
    .limit(query.limit + 1);
  return pageOf(rows, query.limit, toDevice);
}

export interface NewDevice {
  device_id: string;
  name?: string | undefined;
}

/** Adds a device; its readings are accepted from now on. `conflict` if it is there or one too many, `rate-limited`. */
export async function addDevice(context: Context, producerId: string, device: NewDevice): Promise<Device> {
  const owner = BigInt(producerId);
  return changeRights(context, async (tx, changed) => {
    // One at a time per producer, so that the limit holds however many come at once.
    await lockAccounts(tx, [owner]);
    const [row] = await tx
      .insert(devices)
      .values({ producerId: owner, deviceId: device.device_id, name: device.name ?? null })
      .onConflictDoNothing()
      .returning();
    if (!row) throw new Refusal('conflict', `there is a device ${device.device_id} already`);
    await refuseTooMany(tx, owner, context.config.devicesPerProducer);
    await context.limits.deviceChanges.consume(producerId);
    await changed({ kind: 'device', accountId: producerId, item: device.device_id });
    return toDevice(row);
  });
}

/** Removes a device and cuts it off: nothing it sends is accepted any more. */
export async function removeDevice(context: Context, producerId: string, deviceId: string): Promise<void> {
  const owner = BigInt(producerId);
  await changeRights(context, async (tx, changed) => {
    const removed = await tx
      .delete(devices)
      .where(and(eq(devices.producerId, owner), eq(devices.deviceId, deviceId)))
      .returning({ id: devices.id });
    if (removed.length === 0) throw new Refusal('not-found', `there is no device ${deviceId}`);
    await context.limits.deviceChanges.consume(producerId);
    await tx
      .update(users)
      .set({ deviceId: null })
      .where(and(eq(users.id, owner), eq(users.deviceId, deviceId)));
    await changed({ kind: 'device', accountId: producerId, item: deviceId });
  });
}

async function refuseTooMany(tx: Queryable, owner: bigint, limit: number): Promise<void> {
  const [row] = await tx.select({ devices: count() }).from(devices).where(eq(devices.producerId, owner));
  if ((row?.devices ?? 0) <= limit) return;
  throw new Refusal('conflict', `a producer may have at most ${limit} devices; remove another one first`);
}

function toDevice(row: DeviceRow): Device {
  return { device_id: row.deviceId, name: row.name, created_at: row.createdAt.toISOString() };
}
