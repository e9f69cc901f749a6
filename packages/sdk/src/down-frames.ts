import { type ErrorFrame, Refusal } from '@motience/protocol';
import type { z } from 'zod';
import { isErrorKind } from './http-request.ts';

/** A server's frame by its schema; undefined if it is of a type that this version does not know. */
export function parseDownFrame<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** The refusal that an error frame about no single reading stands for. */
export function refusalOf({ kind, detail, retry_after }: ErrorFrame): Refusal {
  return new Refusal(isErrorKind(kind) ? kind : 'internal', detail, {
    ...(retry_after === undefined ? {} : { retryAfterSeconds: retry_after }),
  });
}
