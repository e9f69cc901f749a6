import { z } from 'zod';

const count = z.int().min(0);
const idSchema = z.string().regex(/^\d{1,19}$/, 'expected a decimal id');

/**
 * Readings that were delivered: an interval of `seq`, and the running totals of bytes of the epoch around it, so that the
 * bytes of whatever is united from such intervals are known.
 */
export interface DeliveredSpan {
  epoch: string;
  from: number;
  to: number;
  /** Bytes of all readings of the epoch before `from`. */
  bytesBefore: number;
  /** The same up to `to`, which is included. */
  bytesThrough: number;
}

/** What a gateway delivered to a subscription since it reported last, and how many units of its credit that was. */
export interface UsageReport {
  subscriptionId: string;
  spans: DeliveredSpan[];
  spent: number;
}

/** An entry of the usage log. */
export interface UsageEntry {
  id: string;
  /** When it was written, in ms since 1970 by the clock of Redis; an entry is never older than the one before it. */
  atMs: number;
  /** Empty for one that only wants credit. */
  gatewayId: string;
  reports: UsageReport[];
  /** Subscriptions for which credit is wanted. */
  wants: string[];
}

const spanSchema = z
  .tuple([z.string().min(1).max(64), z.int().min(1), z.int().min(1), count, count])
  .refine(([, from, to, before, through]) => from <= to && before <= through, 'expected numbers that ascend')
  .transform(
    ([epoch, from, to, bytesBefore, bytesThrough]): DeliveredSpan => ({ epoch, from, to, bytesBefore, bytesThrough }),
  );

const reportsSchema = z.array(
  z
    .tuple([idSchema, count, z.array(spanSchema)])
    .transform(([subscriptionId, spent, spans]): UsageReport => ({ subscriptionId, spans, spent })),
);

const fieldsSchema = z.object({
  gateway: z.string(),
  reports: z.string().transform((text, { addIssue }): unknown => {
    try {
      return text === '' ? [] : JSON.parse(text);
    } catch {
      addIssue('expected JSON');
      return z.NEVER;
    }
  }),
  wants: z.string().transform((text) => (text === '' ? [] : text.split(','))),
});

/** Reports as they stand in an entry. */
export function reportsText(reports: readonly UsageReport[]): string {
  if (reports.length === 0) return '';
  return JSON.stringify(
    reports.map(({ subscriptionId, spent, spans }) => [
      subscriptionId,
      spent,
      spans.map(({ epoch, from, to, bytesBefore, bytesThrough }) => [epoch, from, to, bytesBefore, bytesThrough]),
    ]),
  );
}

/** Reads an entry as it stands in the log. Throws a ZodError that names what is wrong with it. */
export function readUsageEntry(id: string, list: readonly string[]): UsageEntry {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < list.length; at += 2) fields[list[at] ?? ''] = list[at + 1] ?? '';
  const { gateway: gatewayId, reports, wants } = fieldsSchema.parse(fields);
  return {
    id,
    atMs: Number.parseInt(id, 10),
    gatewayId,
    reports: reportsSchema.parse(reports),
    wants: z.array(idSchema).parse(wants),
  };
}
