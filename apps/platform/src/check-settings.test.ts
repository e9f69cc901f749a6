import { ConfigError } from '@motience/service-kit';
import { expect, test } from 'vitest';
import { checkSettings } from './check-settings.ts';

function mistakesIn(environment: Record<string, string>): string[] {
  try {
    checkSettings(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

test('nothing set is no mistake, and neither are engines of someone else', () => {
  expect(mistakesIn({})).toEqual([]);
  expect(mistakesIn({ DB_HOST: 'db', REDIS_HOST: 'cache', DB_PORT: '3001', REDIS_PORT: '3001' })).toEqual([]);
});

test('mistakes of the platform and of all services are told at once, each once', () => {
  const environment = {
    AP_PORT: 'abc',
    SHARDS: '0',
    RETAINED_AGE: '1x',
    JWT_EXPIRES_IN: 'soon',
    MAX_QUEUED_BYTES: '1',
    READINGS_BURST: 'many',
    SUBSCRIPTIONS_PER_CONSUMER: '-1',
    REDIS_APPENDFSYNC: 'never',
    DB_PORT: 'x',
    LOG_LEVEL: 'loud',
  };
  const paths = mistakesIn(environment).map((mistake) => mistake.split(':')[0]);
  expect(paths.sort()).toEqual(Object.keys(environment).sort());
});

test('a port that two variables name is told by both names; 0 is none', () => {
  expect(mistakesIn({ SM_PORT: '3001' })).toEqual(['SM_PORT: is the same port as AP_PORT']);
  expect(mistakesIn({ AP_PORT: '4000', CONSUMER_TESTER_PORT: '4000', REDIS_PORT: '4000' })).toEqual([
    'CONSUMER_TESTER_PORT: is the same port as AP_PORT',
    'REDIS_PORT: is the same port as AP_PORT',
  ]);
  expect(mistakesIn({ AP_PORT: '0', SM_PORT: '0' })).toEqual([]);
});
