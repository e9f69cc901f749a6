import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commonSettings, databaseUrl, readConfig, redisAddress, tokenSettings } from '@motience/service-kit';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readPlatformConfig } from './config.ts';
import { configuredPorts, services } from './services.ts';

const file = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const conditions = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;
const containerSchema = z.object({
  image: z.string().optional(),
  build: z.string().optional(),
  profiles: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.enum(conditions) })).default({}),
  volumes: z.array(z.string()).default([]),
});
const compose = z
  .object({ services: z.record(z.string(), containerSchema), volumes: z.record(z.string(), z.unknown()) })
  .parse(parse(readFileSync(file('docker-compose.yml'), 'utf8'), { merge: true }));
const container = (name: string) => {
  const found = compose.services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};

/** The text as compose makes it from an environment. */
const interpolate = (text: string, environment: Record<string, string> = {}) =>
  text.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, standard: string) => environment[name] || standard);

/** What a container's process sees. */
const environmentOf = (name: string, given: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries(container(name).environment).map(([key, value]) => [key, interpolate(value, given)]),
  );
const production = { DB_PASSWORD: 'a password of its own' };

test('without a profile Redis and PostgreSQL start, at the ports and with the account of the example', () => {
  const withoutProfile = Object.entries(compose.services).filter(([, { profiles }]) => profiles.length === 0);
  expect(withoutProfile.map(([name]) => name).sort()).toEqual(['postgres', 'redis']);
  expect(container('postgres').ports.map((port) => interpolate(port))).toEqual(['127.0.0.1:5432:5432']);
  expect(container('redis').ports.map((port) => interpolate(port))).toEqual(['127.0.0.1:6379:6379']);
  expect(environmentOf('postgres')).toEqual({
    POSTGRES_DB: 'motience',
    POSTGRES_USER: 'postgres',
    POSTGRES_PASSWORD: 'postgres',
  });
});

test('nothing has to be set for that', () => {
  expect(readFileSync(file('docker-compose.yml'), 'utf8')).not.toMatch(/\$\{\w+:?\?/);
});

test('Redis flushes each write and forgets nothing', () => {
  const settings = container('redis')
    .command.map((word) => interpolate(word))
    .join(' ');
  expect(settings).toContain('--appendonly yes --appendfsync always');
  expect(settings).toContain('--maxmemory-policy noeviction');
});

test('each service is there with its program, its port, and a check of that very port', () => {
  for (const { name, portVariable, standardPort, nodeArgs = [] } of services) {
    const app = container(name);
    expect(app.profiles, name).toEqual(['apps']);
    expect(app.command, name).toEqual(['node', ...nodeArgs, `apps/${name}/dist/main.js`]);
    expect(app.ports, name).toEqual([`127.0.0.1:\${${portVariable}:-${standardPort}}:${standardPort}`]);
    expect(app.healthcheck?.test.join(' '), name).toContain(`http://127.0.0.1:${standardPort}/ready`);
    expect(configuredPorts(environmentOf(name)).get(portVariable), name).toBe(standardPort);
  }
});

test('the schema is brought up to date by a program that exists, before any service starts', () => {
  const program = container('migrate').command[1] ?? '';
  expect(existsSync(file(program.replace('/dist/', '/src/').replace(/\.js$/, '.ts')))).toBe(true);
  expect(container('auth-api').depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } });
});

test('each waits for others that exist and have what it waits for, none for itself', () => {
  const reach = (name: string, path: string[] = []): string[] => {
    expect(path, 'a circle').not.toContain(name);
    const next = Object.keys(container(name).depends_on);
    return [...next, ...next.flatMap((other) => reach(other, [...path, name]))];
  };
  for (const [name, { depends_on }] of Object.entries(compose.services)) {
    reach(name);
    for (const [other, { condition }] of Object.entries(depends_on)) {
      if (condition === 'service_healthy') expect(container(other).healthcheck, `${name} on ${other}`).toBeDefined();
    }
  }
  for (const { name } of services) expect(reach(name), name).toEqual(expect.arrayContaining(['postgres', 'redis']));
  // Before a device can send, whoever takes its readings on is up.
  expect(reach('producer-gateway')).toContain('data-stream-manager');
});

test('the services find each other and listen to others than themselves', () => {
  for (const name of ['migrate', ...services.map((service) => service.name)]) {
    const config = readConfig(
      { ...commonSettings, ...tokenSettings, databaseUrl, redisAddress },
      environmentOf(name, production),
    );
    expect(config).toMatchObject({ host: '0.0.0.0', nodeEnv: 'production', authUrl: 'http://auth-api:3001' });
    expect(new URL(config.databaseUrl).hostname).toBe('postgres');
    expect(new URL(String(config.redisAddress)).hostname).toBe('redis');
  }
});

test('the services do not start without a database password, nor with the one of the example', () => {
  for (const password of ['', 'postgres']) {
    expect(() => readPlatformConfig(environmentOf('migrate', { DB_PASSWORD: password }))).toThrow('DB_PASSWORD');
  }
  expect(() => readPlatformConfig(environmentOf('migrate', production))).not.toThrow();
});

test('named volumes are declared, and each declared one is used', () => {
  const used = Object.values(compose.services).flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0]));
  expect(used.sort()).toEqual(Object.keys(compose.volumes).sort());
});

test('the image runs as someone other than root and leaves out what is private', () => {
  const dockerfile = readFileSync(file('Dockerfile'), 'utf8');
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^USER node$/m);
  const ignored = readFileSync(file('.dockerignore'), 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.env', '.motience', '.git', '**/node_modules']));
});
