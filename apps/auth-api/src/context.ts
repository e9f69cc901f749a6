import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { acceptApiKeys, createProjector, type Projector } from '@motience/rights';
import {
  createMetrics,
  FewAtOnceForEach,
  firstConnectionAttempt,
  type Logger,
  type ReadinessCheck,
  type Registry,
  repeat,
} from '@motience/service-kit';
import { createKeys, openLimiterRedis, openRedis, RightsStore, redisReadiness } from '@motience/stream-log';
import {
  deriveSecret,
  loadOrCreateKeyFile,
  type SigningKey,
  secretSigningKey,
  type TokenVerifier,
  verifierFor,
} from '@motience/tokens';
import type { AuthConfig } from './config.ts';
import { createLimits, type Limits } from './limits.ts';
import { PasswordHasher } from './password-hasher.ts';
import { noteKeyUses } from './services/note-key-uses.ts';
import { purgeAll } from './services/purge-sessions.ts';

export interface Context {
  readonly config: AuthConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly database: Database;
  readonly projector: Projector;
  readonly limits: Limits;
  readonly passwords: PasswordHasher;
  /** Lists of accounts, which everybody with one may ask for: so many at a time, on connections of their own, each for a limited time. */
  readonly accountLists: { readonly turns: FewAtOnceForEach; readonly database: Database };
  readonly signingKey: SigningKey;
  /** What the successor of a refresh token is derived with. */
  readonly refreshSecret: Buffer;
  readonly verifyToken: TokenVerifier;
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Begins the work that nobody asked for: projecting rights, deleting what has expired, noting when keys
   * were used. */
  start(): void;
  /** Stops that work, then closes Redis, then PostgreSQL. */
  close(): Promise<void>;
}

const everyMinute = 60_000;

/** Opens everything the service talks to. PostgreSQL and Redis need not be there yet; the key file must be usable. */
export async function createContext(config: AuthConfig, logger: Logger): Promise<Context> {
  const { jwtSecret } = config;
  const [signingKey, passwords] = await Promise.all([
    jwtSecret === undefined ? loadOrCreateKeyFile(config.jwtKeyFile) : secretSigningKey(jwtSecret),
    PasswordHasher.create({ atOnce: config.passwordHashesAtOnce, waiting: config.passwordHashesWaiting }),
  ]);
  const database = openDatabase(config.databaseUrl);
  const listsDatabase = openDatabase(config.databaseUrl, {
    maxConnections: config.accountListsAtOnce,
    readsWithinMs: config.accountListMs,
  });
  const onError = (error: Error) => logger.warn({ err: error }, 'Redis');
  const redis = openRedis(config.redisAddress, { onError });
  const limiterRedis = openLimiterRedis(config.redisAddress, { onError });
  await firstConnectionAttempt(limiterRedis);
  const rights = new RightsStore(redis, createKeys(config.redisKeyPrefix));
  const projector = createProjector({ database, rights, logger });
  let stopRepeating: (() => Promise<unknown>) | undefined;
  return {
    config,
    logger,
    registry: createMetrics('auth-api'),
    database,
    projector,
    limits: createLimits(limiterRedis, config),
    passwords,
    accountLists: {
      turns: new FewAtOnceForEach({
        all: { atOnce: config.accountListsAtOnce, waiting: 100, busy: 'too many are listing accounts' },
        each: { atOnce: 1, waiting: 10, busy: 'this account waits for too many lists' },
      }),
      database: listsDatabase,
    },
    signingKey,
    refreshSecret: deriveSecret(signingKey, 'refresh tokens'),
    verifyToken: acceptApiKeys(verifierFor(signingKey), database),
    readinessChecks: [postgresReadiness(database), redisReadiness(redis)],
    start() {
      projector.start();
      if (stopRepeating) return;
      const failed = (what: string) => (error: unknown) => logger.warn({ err: error }, `${what}; trying again`);
      const stops = [
        repeat(everyMinute, (stopped) => purgeAll(database, stopped), failed('what has expired could not be deleted')),
        repeat(everyMinute, (stopped) => noteKeyUses(database, rights, stopped), failed('uses of keys were not noted')),
      ];
      stopRepeating = () => Promise.all(stops.map((stop) => stop()));
    },
    async close() {
      const stopped = Promise.all([projector.stop(), stopRepeating?.()]);
      redis.disconnect();
      limiterRedis.disconnect();
      await stopped;
      await Promise.all([listsDatabase.close(), database.close()]);
    },
  };
}
