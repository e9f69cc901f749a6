/** What of a stream is wanted; what it leaves out is no gap. */
export interface Narrowing {
  /** Only this device's readings. */
  deviceId?: string | undefined;
  /** Only these members of `data`; readings that have none of them are left out. */
  fields?: readonly string[] | undefined;
  /** No more than so many readings a second of each device: the latest. */
  maxRate?: number | undefined;
}

/** Undefined stands for the whole stream. */
export function narrowingOf({ deviceId, fields, maxRate }: Narrowing): Narrowing | undefined {
  if (deviceId === undefined && fields === undefined && maxRate === undefined) return undefined;
  return { deviceId, fields, maxRate };
}

export function isSameNarrowing(one: Narrowing | undefined, other: Narrowing | undefined): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
