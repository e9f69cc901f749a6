import type { FieldError } from '@motience/protocol';
import { ConfigError, type Environment, port } from '@motience/service-kit';
import { readPlatformConfig } from './config.ts';
import { services } from './services.ts';

/**
 * Reads the settings of the platform and of every service, so that all mistakes are told at once and before anything is
 * started. Throws one `ConfigError` that lists them.
 */
export function checkSettings(environment: Environment): void {
  const ofServices = { ...environment, ...privateEngines(environment) };
  const mistakes = [
    ...mistakesOf(readPlatformConfig, environment),
    ...services.flatMap(({ readConfig }) => mistakesOf(readConfig, ofServices)),
    ...findSharedPorts(environment),
  ];
  const distinct = new Map(mistakes.map((mistake) => [`${mistake.path}\n${mistake.message}`, mistake]));
  if (distinct.size > 0) throw new ConfigError([...distinct.values()]);
}

/** Addresses in the place of those that private engines will have, without which no service is configured. */
function privateEngines(environment: Environment): Environment {
  return {
    ...(hasOwnPostgres(environment) ? { DATABASE_URL: 'postgres://private' } : {}),
    ...(hasOwnRedis(environment) ? { REDIS_URL: 'redis://private' } : {}),
  };
}

const hasOwnPostgres = ({ DATABASE_URL, DB_HOST }: Environment) => !DATABASE_URL && !DB_HOST;
const hasOwnRedis = ({ REDIS_URL, REDIS_HOST, REDIS_CLUSTER_NODES }: Environment) =>
  !REDIS_URL && !REDIS_HOST && !REDIS_CLUSTER_NODES;

function mistakesOf(read: (environment: Environment) => unknown, environment: Environment): FieldError[] {
  try {
    read(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}

/** Variables that name a port which another one before it names as well. */
function findSharedPorts(environment: Environment): FieldError[] {
  const standards: [variable: string, standard: number][] = [
    ...services.map(({ portVariable, standardPort }): [string, number] => [portVariable, standardPort]),
    ['PRODUCER_TESTER_PORT', 3010],
    ['CONSUMER_TESTER_PORT', 3011],
    ...(hasOwnPostgres(environment) ? [['DB_PORT', 0] satisfies [string, number]] : []),
    ...(hasOwnRedis(environment) ? [['REDIS_PORT', 0] satisfies [string, number]] : []),
  ];
  const taken = new Map<number, string>();
  return standards.flatMap(([variable, standard]) => {
    const result = port(variable, standard)(environment);
    // One that is wrong is told as such; 0 is a free one of the system's choice.
    if (!('value' in result) || result.value === 0) return [];
    const other = taken.get(result.value);
    if (other === undefined) taken.set(result.value, variable);
    return other === undefined ? [] : [{ path: variable, message: `is the same port as ${other}` }];
  });
}
