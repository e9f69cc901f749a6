import {
  type ConfigOf,
  combine,
  commonSettings,
  databaseUrl,
  type Environment,
  integer,
  oneOf,
  optionalText,
  port,
  readConfig,
  redisAddress,
  type Setting,
  strongSecret,
} from '@motience/service-kit';

const mebibyte = 1024 * 1024;

/** An engine of someone else, or the port of a private one; undefined lets the system pick. */
type EngineSetting<External> = External | { port: number | undefined };

/** External as soon as one of `selectors` is set. */
function engine<External>(
  external: Setting<External>,
  selectors: readonly string[],
  portVariable: string,
): Setting<EngineSetting<External>> {
  const own = combine({ port: port(portVariable, 0) }, ({ port }) => ({ value: { port: port || undefined } }));
  return (environment) => (selectors.some((name) => environment[name]) ? external(environment) : own(environment));
}

const externalPostgres = combine({ url: databaseUrl }, ({ url }) => ({ value: { url } }));
const externalRedis = combine({ address: redisAddress }, ({ address }) => ({
  value: typeof address === 'string' ? { urls: [address], isCluster: false } : { urls: address.nodes, isCluster: true },
}));

const shortestDatabasePassword = 12;

/** Production has a database password of its own; nothing keeps one that is in every example. */
const databasePassword: Setting<undefined> = (environment) => {
  const { NODE_ENV, DATABASE_URL, DB_HOST, DB_PASSWORD } = environment;
  if (NODE_ENV !== 'production' || !(DATABASE_URL || DB_HOST)) return { value: undefined };
  const inUrl = DATABASE_URL && URL.canParse(DATABASE_URL) ? new URL(DATABASE_URL).password : undefined;
  const password = DATABASE_URL ? inUrl : (DB_PASSWORD ?? '');
  // A URL without a password may mean a certificate or the like.
  if (DATABASE_URL && !password) return { value: undefined };
  if (password !== undefined && password.length >= shortestDatabasePassword) return { value: undefined };
  const message = `expected at least ${shortestDatabasePassword} characters in production`;
  return { mistakes: [{ path: DATABASE_URL ? 'DATABASE_URL' : 'DB_PASSWORD', message }] };
};

const settings = {
  ...commonSettings,
  dataDir: optionalText('MOTIENCE_DATA_DIR'),
  postgres: engine(externalPostgres, ['DATABASE_URL', 'DB_HOST'], 'DB_PORT'),
  databasePassword,
  redis: engine(externalRedis, ['REDIS_URL', 'REDIS_HOST', 'REDIS_CLUSTER_NODES'], 'REDIS_PORT'),
  /** Weaker than `always`, a crash of the machine can take readings that were acknowledged. */
  redisAppendfsync: oneOf('REDIS_APPENDFSYNC', ['always', 'everysec', 'no'], 'always'),
  /** 0: a quarter of the machine's memory. */
  redisMaxMemoryMebibytes: integer('REDIS_MAXMEMORY_MB', 0, { min: 0, max: 1024 * 1024 }),
  /** Read here only to refuse a weak one before anything is started. */
  jwtSecret: strongSecret('JWT_SECRET'),
  tlsCertFile: optionalText('TLS_CERT_FILE'),
  producerTesterPort: port('PRODUCER_TESTER_PORT', 3010),
  consumerTesterPort: port('CONSUMER_TESTER_PORT', 3011),
};

export type Config = ConfigOf<typeof settings>;

/** The configuration, or a ConfigError that lists every mistake. */
export function readPlatformConfig(environment: Environment): Config {
  return readConfig(settings, environment);
}

/** What a private Redis may use; undefined leaves it to the machine's size. */
export function redisMaxMemoryBytes(config: Config): number | undefined {
  return config.redisMaxMemoryMebibytes === 0 ? undefined : config.redisMaxMemoryMebibytes * mebibyte;
}
