import { Cluster, Redis } from 'ioredis';
import { isNewEnough } from './redis-binary.ts';

/**
 * What keeps a Redis from holding readings safely, each in one line; empty when nothing does. Throws, without the
 * password, when it cannot be reached.
 */
export async function findRedisProblems(url: string): Promise<string[]> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 5_000,
    enableReadyCheck: false,
  });
  // What `connect` itself throws says only that it did not work.
  let cause: Error | undefined;
  redis.on('error', (error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
    const info = parseInfo(await redis.info());
    return redisProblems(info);
  } catch (error) {
    throw new Error(`Redis at ${withoutPassword(url)} cannot be used: ${reasonOf(cause ?? error)}`);
  } finally {
    redis.disconnect();
  }
}

/** The same of every master of a cluster, of which some nodes are given. Throws when the cluster does not come up. */
export async function findClusterProblems(urls: readonly string[]): Promise<string[]> {
  const [first = ''] = urls;
  const { username, password, protocol } = new URL(first);
  const cluster = new Cluster([...urls], {
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    ...(protocol === 'rediss:' && { dnsLookup: (host, callback) => callback(null, host) }),
    redisOptions: {
      connectTimeout: 5_000,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  });
  let cause: Error | undefined;
  for (const event of ['error', 'node error']) {
    cluster.on(event, (error: Error) => {
      cause ??= error;
    });
  }
  try {
    await cluster.connect();
    const problems = await Promise.all(
      cluster.nodes('master').map(async (master) => {
        const { host, port } = master.options;
        return redisProblems(parseInfo(await master.info())).map((problem) => `${host}:${port}: ${problem}`);
      }),
    );
    return problems.flat();
  } catch (error) {
    throw new Error(
      `Redis Cluster at ${urls.map(withoutPassword).join(', ')} cannot be used: ${reasonOf(cause ?? error)}`,
    );
  } finally {
    cluster.disconnect();
  }
}

/** The same, from what `INFO` says: unlike `CONFIG`, no provider forbids it. */
export function redisProblems(info: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const version = info.get('redis_version') ?? 'unknown';
  if (!isNewEnough(version)) problems.push(`Redis must be 7.0 or newer; it is ${version}`);
  const policy = info.get('maxmemory_policy');
  if (policy !== 'noeviction') {
    problems.push(`Redis must not forget data: its maxmemory-policy is ${policy}, expected noeviction`);
  }
  if (info.get('aof_enabled') !== '1') {
    problems.push('Redis would lose acknowledged readings: its append-only log is off, expected appendonly yes');
  }
  return problems;
}

function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** An address as it may be shown. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}

/** Why a connection failed; the library's own last word is often only that it was closed. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  if (error.cause !== undefined) return reasonOf(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
