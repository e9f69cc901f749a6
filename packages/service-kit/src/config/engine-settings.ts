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

/** Where Redis is: the URL of one, or of some nodes of a Redis Cluster, which name the others. */
export type RedisAddress = string | { readonly nodes: readonly string[] };

/**
 * `REDIS_CLUSTER_NODES`, or `REDIS_URL`, or `REDIS_HOST` and `REDIS_PORT`; the password is in the URL or in
 * `REDIS_PASSWORD`.
 */
export const redisAddress: Setting<RedisAddress> = combine(
  {
    clusterNodes: optionalText('REDIS_CLUSTER_NODES'),
    url: optionalUrl('REDIS_URL', ['redis', 'rediss']),
    host: optionalText('REDIS_HOST'),
    port: port('REDIS_PORT', 6379),
    password: optionalText('REDIS_PASSWORD'),
  },
  ({ clusterNodes, url, host, port, password }): SettingResult<RedisAddress> => {
    const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    if (clusterNodes !== undefined) {
      const other = url === undefined ? host && 'REDIS_HOST' : 'REDIS_URL';
      if (!other) return clusterAddress(clusterNodes, login);
      const message = `expected either this or ${other}, not both`;
      return { mistakes: [{ path: 'REDIS_CLUSTER_NODES', message }] };
    }
    if (url !== undefined) return { value: url };
    if (host === undefined) {
      const message = 'expected the address of a Redis, here, in REDIS_HOST or in REDIS_CLUSTER_NODES';
      return { mistakes: [{ path: 'REDIS_URL', message }] };
    }
    return { value: `redis://${login}${bracketed(host)}:${port}` };
  },
);

/** `host:port` of each node, or `rediss://host:port` of each for TLS. */
function clusterAddress(text: string, login: string): SettingResult<RedisAddress> {
  const nodes = text.split(',').map((node) => {
    const [, scheme = 'redis://', host, port] =
      /^(rediss?:\/\/)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(node.trim()) ?? [];
    const isRight = host !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
    return isRight ? { scheme, url: `${scheme}${login}${host}:${port}` } : undefined;
  });
  const right = nodes.filter((node) => node !== undefined);
  if (right.length === nodes.length && new Set(right.map(({ scheme }) => scheme)).size === 1) {
    return { value: { nodes: right.map(({ url }) => url) } };
  }
  const message = 'expected host:port of one or more nodes, with commas between, all or none with rediss:// for TLS';
  return { mistakes: [{ path: 'REDIS_CLUSTER_NODES', message }] };
}

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
