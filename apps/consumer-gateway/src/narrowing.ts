import { narrowBody } from '@motience/protocol';

/** What of a stream one who receives it wants; undefined: all of it. */
export interface Narrowing {
  /** Only this device's readings. */
  readonly deviceId: string | undefined;
  /** Only these members of `data`; readings that have none of them are left out. */
  readonly fields: readonly string[] | undefined;
  /** No more than so many readings a second of each device: the latest. */
  readonly maxRate: number | undefined;
}

/** The whole stream. */
export const everything: Narrowing = { deviceId: undefined, fields: undefined, maxRate: undefined };

/** What a control frame or a query asks for. */
export function narrowingOf(asked: {
  device_id?: string | undefined;
  fields?: readonly string[] | undefined;
  max_rate?: number | undefined;
}): Narrowing {
  const fields = asked.fields && [...new Set(asked.fields)].sort();
  return { deviceId: asked.device_id, fields, maxRate: asked.max_rate };
}

export function isEverything({ deviceId, fields, maxRate }: Narrowing): boolean {
  return deviceId === undefined && fields === undefined && maxRate === undefined;
}

/** The uWebSockets.js topic of those who receive a stream narrowed so: the same for equal narrowings. */
export function topicOf(producerId: string, narrowing: Narrowing): string {
  if (isEverything(narrowing)) return producerId;
  const { deviceId, fields, maxRate } = narrowing;
  return `${producerId}/${JSON.stringify([deviceId ?? null, fields ?? null, maxRate ?? null])}`;
}

/** The topic of those who receive all of a stream in packs. */
export function packedTopicOf(producerId: string): string {
  return `${producerId}/packed`;
}

/** Cuts readings down to the fields that are wanted. */
export type FieldFilter = (body: Buffer) => Buffer | undefined;

/** The filter for a narrowing; undefined if whole readings are wanted. It answers undefined for one to be left out. */
export function fieldFilter({ fields }: Narrowing): FieldFilter | undefined {
  if (!fields) return undefined;
  const wanted = new Set(fields);
  return (body) => {
    const text = narrowBody(body.toString(), wanted);
    return text === undefined ? undefined : Buffer.from(text);
  };
}
