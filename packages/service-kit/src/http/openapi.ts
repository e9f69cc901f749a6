import { readFileSync } from 'node:fs';
import { errorBodySchema, errorTable, type HttpErrorKind } from '@motience/protocol';
import { z } from 'zod';

const packageSchema = z.object({ version: z.string() });

/** The version that a `package.json` names. */
export function packageVersion(file: URL): string {
  return packageSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}

/** A required JSON body of a route's description, with one that would be taken. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema, example?: z.input<Schema>) {
  return { required: true, content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } } };
}

/** A JSON reply of a route's description. */
export function jsonResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } };
}

/** The refusals of a route's description, by status. */
export function errorResponses(...kinds: HttpErrorKind[]) {
  const byStatus = new Map<number, string[]>();
  for (const kind of kinds) byStatus.set(errorTable[kind].http, [...(byStatus.get(errorTable[kind].http) ?? []), kind]);
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [status, jsonResponse(names.join(' or '), errorBodySchema)]),
  );
}
