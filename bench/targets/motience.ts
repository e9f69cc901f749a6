import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { migrateDatabase } from '../../packages/database/dist/index.js';
import { findFreePort } from '../../packages/engines/dist/free-port.js';
import { waitFor } from '../../packages/engines/dist/wait.js';
import { end } from '../processes/end-process.ts';
import { descendants } from '../processes/look-at-processes.ts';
import { type FurtherService, type RunningService, startFurther } from './further-services.ts';
import { counter } from './metrics.ts';
import { makeFolder, startPlatformEngines } from './private-engines.ts';
import { seedMarket } from './seed.ts';
import type { PlatformUnderTest, RunningTarget, StartOptions, Target } from './target.ts';

/** Raised because one address and few accounts do here what otherwise many do. Everything else is as `npm start` has it. */
export const raisedLimits = {
  NEW_SOCKETS_PER_MINUTE: '10000000',
  SOCKETS_PER_ACCOUNT: '1000000',
  READINGS_PER_SECOND: '10000000',
  READINGS_BURST: '10000000',
};

const portVariables = ['AP_PORT', 'SM_PORT', 'DSM_PORT', 'BILLING_PORT', 'WSS1_PORT', 'WSS2_PORT'] as const;
const readyMs = 120_000;
const settleMs = 300_000;
const file = (path: string) => fileURLToPath(new URL(`../../apps/platform/dist/${path}`, import.meta.url));

interface PlatformKind {
  name: string;
  title: string;
  about: string;
  appendfsync: 'always' | 'everysec';
  /** Beside one of each service. */
  further: readonly FurtherService[];
}

const all = 'all services with tokens, rights, acks, numbers, retention and persistence';
const always: PlatformKind = {
  name: 'motience',
  title: 'Motience',
  about: `${all}; appendfsync always: acknowledged is on disk`,
  appendfsync: 'always',
  further: [],
};
export const motience = platform(always);
export const motienceEverysec = platform({
  ...always,
  name: 'motience-everysec',
  title: 'Motience, everysec',
  about: `${all}; appendfsync everysec: a crash of the machine may take the last second`,
  appendfsync: 'everysec',
});
export const motienceTwoGateways = platform({
  ...always,
  name: 'motience-two-gateways',
  title: 'Motience, two of each gateway',
  about: 'the same with two producer gateways and two consumer gateways',
  further: ['producer-gateway', 'consumer-gateway'],
});
export const motienceTwoManagers = platform({
  ...always,
  name: 'motience-two-managers',
  title: 'Motience, two stream managers',
  about: 'the same with two stream managers',
  further: ['data-stream-manager'],
});

function platform(kind: PlatformKind): Target {
  const { name, title, about, further } = kind;
  return {
    name,
    title,
    about,
    onlyWhereNamed: further.length > 0,
    missing: () => undefined,
    start: (options) => startMotience(kind, options),
  };
}

async function startMotience(
  { name, appendfsync, further }: PlatformKind,
  { market, say }: StartOptions,
): Promise<RunningTarget> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const folder = await makeFolder();
    stops.push(() => folder.remove());
    const engines = await startPlatformEngines(folder.path, appendfsync, say);
    stops.push(() => engines.close());
    await migrateDatabase(engines.databaseUrl);
    const jwtSecret = randomBytes(32).toString('hex');
    const accounts = await seedMarket(engines.databaseUrl, jwtSecret, market);

    const ports = Object.fromEntries(
      await Promise.all(portVariables.map(async (name) => [name, String(await findFreePort())] as const)),
    );
    const environment = {
      PATH: process.env.PATH,
      DATABASE_URL: engines.databaseUrl,
      REDIS_URL: engines.redisUrl,
      JWT_SECRET: jwtSecret,
      ...raisedLimits,
    };
    const child = fork(file('main.js'), ['--no-demo', '--no-install', '--data-dir', join(folder.path, 'data')], {
      execArgv: ['--import', file('end-with-parent.js')],
      env: { ...environment, ...ports, PRODUCER_TESTER_PORT: '0', CONSUMER_TESTER_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    stops.push(() => end(child, 'SIGTERM'));
    let output = '';
    const log = createWriteStream(join(folder.path, 'platform.log'));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text) => {
        output = `${output}${text}`.slice(-4_000);
        log.write(text);
      });
    }
    const isReady = async (port: string | undefined) => {
      if (child.exitCode !== null) throw new Error(`the platform ended:\n${output}`);
      const response = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
      return response?.status === 200;
    };
    for (const name of portVariables) {
      if (!(await waitFor(() => isReady(ports[name]), readyMs, 100)))
        throw new Error(`${name} is not ready:\n${output}`);
    }

    const pidOf = (service: string) => {
      const found = descendants(child.pid ?? 0).find(({ command }) => command.includes(`apps/${service}/`));
      if (!found) throw new Error(`${service} does not run`);
      return found.pid;
    };
    const more: RunningService[] = [];
    for (const service of further) {
      const running = await startFurther(service, environment, folder.path);
      stops.push(() => running.stop());
      more.push(running);
    }
    const portsOf = (service: FurtherService, first: string | undefined) => [
      first,
      ...more.filter((each) => each.service === service).map(({ port }) => port),
    ];
    const producerPorts = portsOf('producer-gateway', ports.WSS1_PORT);
    const consumerPorts = portsOf('consumer-gateway', ports.WSS2_PORT);
    const count = async (of: readonly (string | undefined)[], metric: string) => {
      const counts = await Promise.all(of.map((port) => counter(port, metric)));
      return counts.reduce((sum, each) => sum + each, 0);
    };
    const stored = () => count(producerPorts, 'motience_readings_stored_total');
    const persisted = () => count(portsOf('data-stream-manager', ports.DSM_PORT), 'motience_readings_persisted_total');
    /** They take turns. */
    const inTurn = (of: readonly (string | undefined)[], at: number) => Number(of[at % of.length]);
    const under: PlatformUnderTest = {
      producerIds: accounts.producers.map(({ id }) => id),
      pidOf,
      persisted,
      countRows: () => countReadings(engines.databaseUrl),
    };
    return {
      name,
      sockets: {
        producers: accounts.producers.map(({ token }, at) => ({
          port: inTurn(producerPorts, at),
          path: '/producer',
          token,
          dialect: 'motience-producer',
        })),
        consumers: accounts.consumers.map(({ token }, at) => ({
          port: inTurn(consumerPorts, at),
          path: '/consumer',
          token,
          dialect: 'motience-consumer',
        })),
      },
      platform: under,
      consumerServerPid: pidOf('consumer-gateway'),
      async settle() {
        const done = await waitFor(async () => (await persisted()) >= (await stored()), settleMs, 100);
        if (!done) throw new Error('what was sent did not all come to PostgreSQL');
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function countReadings(databaseUrl: string): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1 });
  try {
    const [row] = await sql<{ count: number }[]>`select count(*)::int as count from readings`;
    return row?.count ?? 0;
  } finally {
    await sql.end();
  }
}
