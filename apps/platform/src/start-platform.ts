import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrateDatabase } from '@motience/database';
import { startEngines, terminalConfirm } from '@motience/engines';
import { isLoopback } from '@motience/service-kit';
import { checkPorts } from './check-ports.ts';
import { type Config, redisMaxMemoryBytes } from './config.ts';
import { type Demo, prepareDemo } from './demo.ts';
import { localUrl, type PageServer, servePage, type UrlName } from './page-server.ts';
import { screenText } from './screen.ts';
import { configuredPorts, type Service, services } from './services.ts';
import { SupervisedProcess } from './supervised-process.ts';

export interface PlatformOptions {
  config: Config;
  environment: NodeJS.ProcessEnv;
  dataDir: string;
  withDemo: boolean;
  mayInstall: boolean;
  /** Cancels the start between two of its steps. */
  signal: AbortSignal;
  /** Told in words what is going on. */
  say: (text: string) => void;
}

export interface Platform {
  /** Stops everything in the reverse order of the start. */
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Starts everything on this machine: engines, schema, services, tester pages, demo; each needs those before it. Throws
 * with a message for the reader, after what was started until then has been stopped.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    await start(options, (close) => closers.push(close));
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(options: PlatformOptions, onStop: (close: () => Promise<void>) => void): Promise<void> {
  const { config, environment, dataDir, withDemo, mayInstall, signal, say } = options;
  const startedAt = performance.now();
  const { host } = config;
  const ports = configuredPorts(environment);
  await checkPorts(host, portsOf(config, ports));

  say('Starting PostgreSQL and Redis …');
  await mkdir(dataDir, { recursive: true });
  const engines = await startEngines({
    dataDir,
    postgres: config.postgres,
    redis:
      'url' in config.redis
        ? config.redis
        : { ...config.redis, appendfsync: config.redisAppendfsync, maxMemoryBytes: redisMaxMemoryBytes(config) },
    production: config.nodeEnv === 'production',
    mayInstall,
    confirm: terminalConfirm(),
    onProgress: say,
  });
  onStop(() => engines.close());
  signal.throwIfAborted();
  await migrateDatabase(engines.databaseUrl);
  signal.throwIfAborted();

  const running = new Map<string, SupervisedProcess>();
  let demo: Demo | undefined;
  const gatewayScheme = config.tlsCertFile === undefined ? 'ws' : 'wss';
  const schemeOf = (service: Service) => (service.scheme === 'ws' ? gatewayScheme : 'http');
  const portOf = (service: Service) => running.get(service.name)?.port ?? ports.get(service.portVariable) ?? 0;
  const urlOf = (name: UrlName, hostname: string) => {
    const service = services.find(({ urlName }) => urlName === name) ?? services[0];
    return `${schemeOf(service)}://${hostname}:${portOf(service)}`;
  };
  const urlsFor = (hostname: string): Record<UrlName, string> => ({
    auth_url: urlOf('auth_url', hostname),
    subscription_url: urlOf('subscription_url', hostname),
    stream_url: urlOf('stream_url', hostname),
    producer_gateway_url: urlOf('producer_gateway_url', hostname),
    consumer_gateway_url: urlOf('consumer_gateway_url', hostname),
  });

  const page = async (folder: string, port: number, portVariable: string): Promise<PageServer> => {
    const served = await servePage({
      root: join(root, 'testers', folder, 'dist'),
      host,
      port,
      portVariable,
      urlsFor,
      demo: () => (isLoopback(host) || host === 'localhost' ? demo?.consumer : undefined),
    });
    onStop(() => served.stop());
    return served;
  };
  // Before the services, which allow requests from the pages' origins.
  const producerTester = await page('producer', config.producerTesterPort, 'PRODUCER_TESTER_PORT');
  const consumerTester = await page('consumer', config.consumerTesterPort, 'CONSUMER_TESTER_PORT');

  const shared: NodeJS.ProcessEnv = {
    ...environment,
    MOTIENCE_DATA_DIR: dataDir,
    DATABASE_URL: engines.databaseUrl,
    REDIS_URL: engines.redisUrl,
    PRODUCER_TESTER_PORT: String(producerTester.port),
    CONSUMER_TESTER_PORT: String(consumerTester.port),
  };
  const startService = async (service: Service) => {
    const { name, portVariable } = service;
    const supervised = new SupervisedProcess(
      {
        name,
        file: join(root, 'apps', name, 'dist', 'main.js'),
        args: [],
        nodeArgs: [],
        environment: (port) => ({
          ...shared,
          ...(name === 'auth-api' ? {} : { AUTH_URL: urlOf('auth_url', loopbackOf(host)) }),
          [portVariable]: String(port ?? ports.get(portVariable) ?? 0),
        }),
        reportsPort: true,
        logFile: join(dataDir, 'logs', `${name}.log`),
      },
      say,
    );
    onStop(() => supervised.stop());
    await supervised.start();
    running.set(name, supervised);
  };
  say('Starting the services …');
  const [first, ...others] = services;
  await startService(first);
  signal.throwIfAborted();
  await Promise.all(others.map(startService));
  signal.throwIfAborted();

  if (withDemo) {
    say('Preparing the demo …');
    try {
      const urls = urlsFor(loopbackOf(host));
      demo = await prepareDemo({ dataDir, authUrl: urls.auth_url, subscriptionUrl: urls.subscription_url });
      const device = demoDevice(demo, dataDir, urls, shared, say);
      onStop(() => device.stop());
      await device.start();
    } catch (error) {
      say(`The demo is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  signal.throwIfAborted();
  say(
    screenText({
      services: services.map((service) => ({
        name: service.name,
        url: localUrl(schemeOf(service), portOf(service), service.path),
        ...(service.scheme === 'http' ? { docs: localUrl('http', portOf(service), '/api-docs') } : {}),
      })),
      producerTester: localUrl('http', producerTester.port),
      consumerTester: localUrl('http', consumerTester.port),
      demo,
      logDir: join(dataDir, 'logs'),
      authUrl: localUrl('http', portOf(first)),
      seconds: (performance.now() - startedAt) / 1000,
    }),
  );
}

/** `device-client` streaming this machine's own figures. */
function demoDevice(
  demo: Demo,
  dataDir: string,
  urls: Record<UrlName, string>,
  environment: NodeJS.ProcessEnv,
  say: (text: string) => void,
): SupervisedProcess {
  const args = {
    '--auth-url': urls.auth_url,
    '--gateway-url': urls.producer_gateway_url,
    '--username': demo.producer.username,
    '--password-file': demo.producer.passwordFile,
    '--device-id': demo.deviceId,
    '--source': 'system',
    '--interval': '1s',
    '--queue-dir': join(dataDir, 'demo', 'queue'),
  };
  const certificate = environment.TLS_CERT_FILE;
  return new SupervisedProcess(
    {
      name: 'device-client',
      file: join(root, 'apps', 'device-client', 'dist', 'main.js'),
      args: Object.entries(args).flat(),
      nodeArgs: ['--import', new URL('./end-with-parent.js', import.meta.url).href],
      environment: () => ({ ...environment, ...(certificate ? { NODE_EXTRA_CA_CERTS: certificate } : {}) }),
      reportsPort: false,
      logFile: join(dataDir, 'logs', 'device-client.log'),
    },
    say,
  );
}

function portsOf(config: Config, ports: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([
    ...ports,
    ['PRODUCER_TESTER_PORT', config.producerTesterPort],
    ['CONSUMER_TESTER_PORT', config.consumerTesterPort],
  ]);
}

/** How this machine reaches what listens on `host`. */
const loopbackOf = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
};
