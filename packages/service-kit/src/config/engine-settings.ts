import { z } from 'zod';
import { combine, type Setting, type SettingResult, variable } from './read-config.ts';
import { optionalText, optionalUrl, port, text } from './variables.ts';

/** Where PostgreSQL is: `DATABASE_URL`, or `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER`, `DB_PASSWORD`. */
export const databaseUrl: Setting<string> = combine(
  {
    url: optionalUrl('DATABASE_URL', ['postgres', 'postgresql']),
    host: optionalText('DB_HOST'),
    port: port('DB_PORT', 5432),
    name: text('DB_NAME', 'motience'),
    user: text('DB_USER', 'postgres'),
    password: optionalText('DB_PASSWORD'),
  },
  ({ url, host, port, name, user, password }): SettingResult<string> => {
    if (url !== undefined) return { value: url };
    if (host === undefined) {
      return {
        mistakes: [{ path: 'DATABASE_URL', message: 'expected the address of a PostgreSQL, here or in DB_HOST' }],
      };
    }
    const login = [user, ...(password === undefined ? [] : [password])].map(encodeURIComponent).join(':');
    return { value: `postgres://${login}@${bracketed(host)}:${port}/${encodeURIComponent(name)}` };
  },
);

/** Where Redis is: `REDIS_URL`, or `REDIS_HOST`, `REDIS_PORT`, `REDIS_PASSWORD`. */
export const redisUrl: Setting<string> = combine(
  {
    url: optionalUrl('REDIS_URL', ['redis', 'rediss']),
    host: optionalText('REDIS_HOST'),
    port: port('REDIS_PORT', 6379),
    password: optionalText('REDIS_PASSWORD'),
  },
  ({ url, host, port, password }): SettingResult<string> => {
    if (url !== undefined) return { value: url };
    if (host === undefined) {
      return { mistakes: [{ path: 'REDIS_URL', message: 'expected the address of a Redis, here or in REDIS_HOST' }] };
    }
    return {
      value: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${bracketed(host)}:${port}`,
    };
  },
);

const prefixSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 of letters, digits and _ . -')
  .default('motience');

/** What all keys in Redis start with, so that several platforms can share one. */
export const redisKeyPrefix: Setting<string> = variable('REDIS_KEY_PREFIX', prefixSchema);

/** An IPv6 address stands in brackets in a URL. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
