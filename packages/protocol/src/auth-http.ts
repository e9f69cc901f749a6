import { z } from 'zod';
import { defaultLimits } from './limits.ts';
import { deviceIdSchema, idSchema, roleSchema, usernameSchema } from './names.ts';
import { hiddenControl, hiddenControlUnwanted, isWellFormed, readableSchema, wellFormedExpected } from './text.ts';

const instantSchema = z.iso.datetime();
/** Text that is only compared with what is known. */
const textSchema = (max: number) =>
  z.string({ error: 'expected a string' }).max(max, `expected at most ${max} characters`);

/** A name that people read. */
export const nameSchema = readableSchema(200);

/** A new password; how long it must be is configured, so a service makes its own. */
export function passwordSchema(minLength: number = defaultLimits.passwordMinLength) {
  const expected = `expected ${minLength} to ${defaultLimits.passwordMaxLength} characters`;
  return z
    .string({ error: 'expected a string' })
    .min(minLength, expected)
    .max(defaultLimits.passwordMaxLength, expected)
    .refine(isWellFormed, wellFormedExpected);
}

export function registerRequestSchema(passwordMinLength: number = defaultLimits.passwordMinLength) {
  return z.strictObject({
    username: usernameSchema,
    password: passwordSchema(passwordMinLength),
    role: z.enum(['producer', 'consumer'], { error: 'expected "producer" or "consumer"' }),
    device_id: deviceIdSchema.optional(),
    email: z.email({ error: 'expected an e-mail address' }).max(254, 'expected at most 254 characters').optional(),
    name: nameSchema.optional(),
  });
}
export type RegisterRequest = z.infer<ReturnType<typeof registerRequestSchema>>;

export const userSchema = z.object({
  id: idSchema,
  username: z.string(),
  role: roleSchema,
  device_id: z.string().nullable(),
  email: z.string().nullable(),
  name: z.string().nullable(),
  created_at: instantSchema,
});
/** An account as its owner sees it. */
export type User = z.infer<typeof userSchema>;

export const publicUserSchema = userSchema.pick({ id: true, username: true, role: true, name: true, created_at: true });
/** An account as others see it. */
export type PublicUser = z.infer<typeof publicUserSchema>;

export const loginRequestSchema = z.strictObject({
  username: textSchema(256),
  password: textSchema(1024),
});

export const refreshRequestSchema = z.strictObject({
  refresh_token: textSchema(512),
});

export const tokensSchema = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  token_type: z.literal('Bearer'),
  /** Seconds the access token is good for. */
  expires_in: z.int(),
  /** Seconds the refresh token is good for. */
  refresh_expires_in: z.int(),
  user: userSchema,
});
/** What login and refresh answer. */
export type Tokens = z.infer<typeof tokensSchema>;

export const nameChangeSchema = z.strictObject({ name: nameSchema });

export function passwordChangeSchema(passwordMinLength: number = defaultLimits.passwordMinLength) {
  return z.strictObject({
    current_password: textSchema(1024),
    new_password: passwordSchema(passwordMinLength),
  });
}

export const newDeviceSchema = z.strictObject({ device_id: deviceIdSchema, name: nameSchema.optional() });

export const deviceSchema = z.object({
  device_id: z.string(),
  name: z.string().nullable(),
  created_at: instantSchema,
});
export type Device = z.infer<typeof deviceSchema>;

const pageLimitExpected = 'expected a whole number from 1 to 200';

/** Query of a list: at most `limit` items after `cursor`, which a former page returned. */
export const pageQuerySchema = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, pageLimitExpected)
    .transform(Number)
    .pipe(z.int().min(1, pageLimitExpected).max(200, pageLimitExpected))
    .default(50),
  cursor: textSchema(256).optional(),
});

export const userPageQuerySchema = pageQuerySchema.extend({
  /** Text to be found in username or name. */
  q: z
    .string()
    .max(64, 'expected at most 64 characters')
    .refine(isWellFormed, wellFormedExpected)
    .refine((text) => !hiddenControl.test(text), hiddenControlUnwanted)
    .optional(),
});

/** A page of a list; `next_cursor` is null on the last. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}
