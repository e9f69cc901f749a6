import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  authUrl,
  boolean,
  ConfigError,
  commonSettings,
  databaseUrl,
  duration,
  integer,
  list,
  port,
  readConfig,
  redisAddress,
  redisKeyPrefix,
  type Setting,
  tokenSettings,
} from '../index.ts';

const read = <T>(setting: Setting<T>, environment: Record<string, string>) =>
  readConfig({ it: setting }, environment).it;
function mistakes(settings: Record<string, Setting<unknown>>, environment: Record<string, string>): string[] {
  try {
    readConfig(settings, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe('a configuration', () => {
  it('has standard values for everything a service has in common', () => {
    expect(readConfig(commonSettings, {})).toEqual({
      host: '127.0.0.1',
      nodeEnv: 'development',
      logLevel: 'info',
      metricsToken: undefined,
      trustProxy: 0,
      corsOrigins: {
        listed: ['http://localhost:3010', 'http://127.0.0.1:3010', 'http://localhost:3011', 'http://127.0.0.1:3011'],
        ownPorts: [3010, 3011],
      },
    });
  });

  it('takes an empty variable as one that is not set', () => {
    expect(read(port('AP_PORT', 3001), { AP_PORT: '' })).toBe(3001);
  });

  it('tells all mistakes at once, each once, by variable, and no value', () => {
    const environment = {
      AP_PORT: 'hunter2',
      LOG_LEVEL: 'hunter3',
      DATABASE_URL: 'mysql://u:hunter4@h/d',
      TRUST_PROXY: 'maybe',
    };
    const settings = { ...commonSettings, port: port('AP_PORT', 3001), authUrl, databaseUrl, redisAddress };
    expect(mistakes(settings, environment).sort()).toEqual([
      'AP_PORT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'REDIS_URL',
      'TRUST_PROXY',
    ]);
    expect(() => readConfig(settings, environment)).toThrow('AP_PORT: expected a whole number from 0 to 65535');
    expect(() => readConfig(settings, environment)).not.toThrow(/hunter/);
  });

  it('takes the tester pages of other ports and other origins', () => {
    const moved = read(commonSettings.corsOrigins, { PRODUCER_TESTER_PORT: '4010' });
    expect(moved.listed).toContain('http://127.0.0.1:4010');
    expect(moved.ownPorts).toEqual([4010, 3011]);
    expect(read(commonSettings.corsOrigins, { CORS_ORIGINS: 'https://a.example, https://b.example:8443' })).toEqual({
      listed: ['https://a.example', 'https://b.example:8443'],
      ownPorts: [],
    });
    expect(mistakes(commonSettings, { CORS_ORIGINS: 'https://a.example/page' })).toEqual(['CORS_ORIGINS']);
    expect(mistakes(commonSettings, { CORS_ORIGINS: '*' })).toEqual(['CORS_ORIGINS']);
  });

  it.each([
    ['false', 0],
    ['0', 0],
    ['2', 2],
  ])('trusts proxies as TRUST_PROXY=%s says', (text, value) => {
    expect(read(commonSettings.trustProxy, { TRUST_PROXY: text })).toBe(value);
  });

  it.each(['true', '-1', '1.5', '10.0.0.1'])('wants the number of proxies, not TRUST_PROXY=%s', (text) => {
    expect(() => readConfig(commonSettings, { TRUST_PROXY: text })).toThrow(
      'TRUST_PROXY: expected the number of proxies in front',
    );
  });
});

describe('a variable', () => {
  it.each(['-1', '65536', '1e3', '80.5', 'http', '0x50', ' '])('is no port when it is %j', (text) => {
    expect(mistakes({ port: port('PORT', 1) }, { PORT: text })).toEqual(['PORT']);
  });

  it('is a number within its bounds', () => {
    const setting = integer('N', 5, { min: 1, max: 10 });
    expect([read(setting, {}), read(setting, { N: '10' })]).toEqual([5, 10]);
    expect(mistakes({ setting }, { N: '11' })).toEqual(['N']);
  });

  it('is true or false', () => {
    const setting = boolean('B', true);
    expect([read(setting, {}), read(setting, { B: 'false' }), read(setting, { B: '1' })]).toEqual([true, false, true]);
    expect(mistakes({ setting }, { B: 'perhaps' })).toEqual(['B']);
  });

  it('is a time in milliseconds', () => {
    const setting = duration('T', '1h', { min: '1s', max: '365d' });
    expect([read(setting, {}), read(setting, { T: '7d' }), read(setting, { T: '1.5m' })]).toEqual([
      3_600_000, 604_800_000, 90_000,
    ]);
  });

  it.each(['3600', 'soon', '1ms', '-1h', '366d', '1h30m'])('is no such time when it is %s', (text) => {
    expect(mistakes({ t: duration('T', '1h', { min: '1s', max: '365d' }) }, { T: text })).toEqual(['T']);
  });

  it('is a list', () => {
    expect(read(list('L', ['a'], z.string().max(3)), { L: ' b, ,c ' })).toEqual(['b', 'c']);
    expect(read(list('L', ['a'], z.string().max(3)), {})).toEqual(['a']);
    expect(mistakes({ l: list('L', [], z.string().max(3)) }, { L: 'a,long' })).toEqual(['L']);
  });
});

describe('the engines', () => {
  it('are where their addresses say', () => {
    expect(read(databaseUrl, { DATABASE_URL: 'postgres://u:p@h/d', DB_HOST: 'other' })).toBe('postgres://u:p@h/d');
    expect(read(redisAddress, { REDIS_URL: 'rediss://h:1' })).toBe('rediss://h:1');
  });

  it('are where their parts say, whatever is in a password', () => {
    expect(read(databaseUrl, { DB_HOST: 'localhost', DB_PASSWORD: 'p@ss/w:d' })).toBe(
      'postgres://postgres:p%40ss%2Fw%3Ad@localhost:5432/motience',
    );
    expect(read(redisAddress, { REDIS_HOST: '::1', REDIS_PORT: '7', REDIS_PASSWORD: 'a b' })).toBe(
      'redis://:a%20b@[::1]:7',
    );
    expect(read(redisAddress, { REDIS_HOST: 'cache' })).toBe('redis://cache:6379');
  });

  it('may be nodes of a Redis Cluster, with the password that belongs to them', () => {
    expect(read(redisAddress, { REDIS_CLUSTER_NODES: 'a:7000, [::1]:7001', REDIS_PASSWORD: 'a b' })).toEqual({
      nodes: ['redis://:a%20b@a:7000', 'redis://:a%20b@[::1]:7001'],
    });
    expect(read(redisAddress, { REDIS_CLUSTER_NODES: 'rediss://a:7000' })).toEqual({ nodes: ['rediss://a:7000'] });
  });

  it.each(['a', 'a:0', 'a:7000,', 'a:7000,rediss://b:7000', 'redis://u:p@a:7000'])('are no nodes in %s', (nodes) => {
    expect(redisAddress({ REDIS_CLUSTER_NODES: nodes })).toMatchObject({ mistakes: [{ path: 'REDIS_CLUSTER_NODES' }] });
  });

  it.each(['REDIS_URL', 'REDIS_HOST'])('are a cluster or %s, not both', (other) => {
    const value = other === 'REDIS_URL' ? 'redis://h:1' : 'h';
    expect(redisAddress({ REDIS_CLUSTER_NODES: 'a:7000', [other]: value })).toEqual({
      mistakes: [{ path: 'REDIS_CLUSTER_NODES', message: `expected either this or ${other}, not both` }],
    });
  });

  it('share a Redis by prefix', () => {
    expect(read(redisKeyPrefix, {})).toBe('motience');
    expect(mistakes({ redisKeyPrefix }, { REDIS_KEY_PREFIX: 'a{b}' })).toEqual(['REDIS_KEY_PREFIX']);
  });
});

describe('token settings', () => {
  const secret = 'a secret of more than thirty-two bytes';

  it('find auth-api on this machine unless told otherwise', () => {
    expect(readConfig(tokenSettings, {})).toEqual({ jwtSecret: undefined, authUrl: 'http://127.0.0.1:3001' });
    expect(read(authUrl, { AP_PORT: '4001' })).toBe('http://127.0.0.1:4001');
    expect(read(authUrl, { AUTH_URL: 'https://auth.example' })).toBe('https://auth.example');
  });

  it('take the secret of the reference outside of production', () => {
    expect(readConfig(tokenSettings, { JWT_SECRET: 'your-secret-key-here' }).jwtSecret).toBe('your-secret-key-here');
  });

  it.each(['your-secret-key-here', 'short', 'x'.repeat(31)])(
    'refuse %s in production, without saying it',
    (JWT_SECRET) => {
      const environment = { NODE_ENV: 'production', JWT_SECRET };
      expect(mistakes(tokenSettings, environment)).toEqual(['JWT_SECRET']);
      expect(() => readConfig(tokenSettings, environment)).not.toThrow(JWT_SECRET);
    },
  );

  it('take a long secret, or none, in production', () => {
    expect(readConfig(tokenSettings, { NODE_ENV: 'production', JWT_SECRET: secret }).jwtSecret).toBe(secret);
    expect(readConfig(tokenSettings, { NODE_ENV: 'production' }).jwtSecret).toBeUndefined();
  });
});
