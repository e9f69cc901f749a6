import { z } from 'zod';
import { nameSchema } from './auth-http.ts';
import type { Role } from './names.ts';

/** What an API key may be made for, and whose it can be. */
export const keyScopes = {
  /** The consumer gateway. */
  'stream:receive': ['consumer'],
  /** The producer gateway. */
  'stream:send': ['producer'],
  /** Subscriptions, requests for them, and who is allowed and denied. */
  subscriptions: ['consumer', 'producer'],
  /** The own listing and plans. */
  listings: ['producer'],
  devices: ['producer'],
  /** Everything of the billing service. */
  billing: ['consumer', 'producer'],
  /** Reading the own account, other accounts' public fields, and streams. */
  'account:read': ['consumer', 'producer'],
} as const satisfies Record<string, readonly Role[]>;

export const keyScopeSchema = z.enum(
  Object.keys(keyScopes).filter((name): name is keyof typeof keyScopes => name in keyScopes),
  { error: `expected one of ${Object.keys(keyScopes).join(', ')}` },
);
export type KeyScope = z.infer<typeof keyScopeSchema>;

const scopesExpected = 'expected a list of scopes, at least one';

export const newKeySchema = z.strictObject({
  name: nameSchema,
  scopes: z
    .array(keyScopeSchema, { error: scopesExpected })
    .min(1, scopesExpected)
    .max(32, 'expected at most 32 scopes'),
  /** Without it the key does not expire. */
  expires_at: z.iso.datetime({ offset: true, error: 'expected an RFC 3339 date and time' }).optional(),
});
export type NewKey = z.infer<typeof newKeySchema>;

export const apiKeySchema = z.object({
  id: z.uuid(),
  name: z.string(),
  /** What the key begins with, to recognise it by. */
  prefix: z.string(),
  scopes: z.array(keyScopeSchema),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  /** Exact to a minute or two; null if it was never used. */
  last_used_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
});
/** An API key as its owner sees it. */
export type ApiKey = z.infer<typeof apiKeySchema>;

/** A new key. Its text is told here and never again. */
export const createdKeySchema = apiKeySchema.extend({ key: z.string() });
export type CreatedKey = z.infer<typeof createdKeySchema>;
