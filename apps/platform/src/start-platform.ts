import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrateDatabase } from '@motience/database';
import { type Engines, folderUser, startEngines, terminalConfirm } from '@motience/engines';
import { isLoopback } from '@motience/service-kit';
import { Addresses } from './addresses.ts';
import { checkPorts } from './check-ports.ts';
import { Closers, wordsOf } from './closers.ts';
import { type Config, redisMaxMemoryBytes } from './config.ts';
import { type Demo, prepareDemo } from './demo.ts';
import { createDemoDevice } from './demo-device.ts';
import { networkHostnames } from './network-hostnames.ts';
import { servePage } from './page-server.ts';
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
 * Starts everything on this machine: engines, schema, tester pages, services, demo; each needs those before it. Throws
 * with a message for the reader, after what was started until then has been stopped.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const start = new Start(options);
  try {
    await start.run();
    return start;
  } catch (error) {
    // What went wrong first is what the reader has to know; what goes wrong now is told beside it.
    await start.stop().catch((trouble) => options.say(`Not everything could be stopped: ${wordsOf(trouble)}`));
    throw error;
  }
}

class Start implements Platform {
  private readonly closers = new Closers();
  private readonly ports: Map<string, number>;
  private readonly addresses: Addresses;
  private demo: Demo | undefined;

  constructor(private readonly options: PlatformOptions) {
    const { config, environment } = options;
    this.ports = configuredPorts(environment);
    this.addresses = new Addresses(config.host, this.ports, config.tlsCertFile !== undefined);
  }

  async run(): Promise<void> {
    const { config, dataDir, environment, signal, say } = this.options;
    const startedAt = performance.now();
    await this.checkFolder();
    await checkPorts(
      config.host,
      new Map([
        ...this.ports,
        ['PRODUCER_TESTER_PORT', config.producerTesterPort],
        ['CONSUMER_TESTER_PORT', config.consumerTesterPort],
      ]),
    );

    say('Starting PostgreSQL and Redis …');
    const engines = await this.openEngines();
    signal.throwIfAborted();
    await migrateDatabase(engines.databaseUrl);
    if (!('url' in config.postgres)) await this.shareDatabaseUrl(engines.databaseUrl);
    signal.throwIfAborted();

    // Before the services, because those allow requests from the pages' origins.
    const producerTester = await this.servePage('producer', config.producerTesterPort);
    const consumerTester = await this.servePage('consumer', config.consumerTesterPort);
    const shared: NodeJS.ProcessEnv = {
      ...environment,
      MOTIENCE_DATA_DIR: dataDir,
      DATABASE_URL: engines.databaseUrl,
      // A cluster is in the environment as it was given.
      ...(engines.redisUrl !== undefined && { REDIS_URL: engines.redisUrl }),
      PRODUCER_TESTER_PORT: String(producerTester),
      CONSUMER_TESTER_PORT: String(consumerTester),
    };

    say('Starting the services …');
    const [first, ...others] = services;
    await this.startService(first, shared);
    signal.throwIfAborted();
    const withAuth = { ...shared, AUTH_URL: this.addresses.of(first, this.addresses.ownHostname) };
    await Promise.all(others.map((service) => this.startService(service, withAuth)));
    signal.throwIfAborted();

    if (this.options.withDemo) await this.startDemo(shared);
    signal.throwIfAborted();
    say(
      screenText({
        addresses: this.addresses,
        producerTesterPort: producerTester,
        consumerTesterPort: consumerTester,
        hostname: this.addresses.shownHostname,
        networkHostnames: networkHostnames(config.host),
        demo: this.demo,
        isProduction: config.nodeEnv === 'production',
        dataDir,
        seconds: (performance.now() - startedAt) / 1000,
      }),
    );
  }

  async stop(): Promise<void> {
    await this.closers.close();
  }

  /** Asked before the ports, which the other one has too: the cause and not a consequence is told. */
  private async checkFolder(): Promise<void> {
    const { dataDir } = this.options;
    const pid = await folderUser(dataDir);
    if (pid === undefined) return;
    throw new Error(`Motience is running already in ${dataDir} (process ${pid}); to run another, choose a --data-dir`);
  }

  private async openEngines(): Promise<Engines> {
    const { config, dataDir, mayInstall, say } = this.options;
    const { postgres, redis } = config;
    await mkdir(dataDir, { recursive: true });
    const engines = await startEngines({
      dataDir,
      postgres,
      redis:
        'urls' in redis
          ? redis
          : { ...redis, appendfsync: config.redisAppendfsync, maxMemoryBytes: redisMaxMemoryBytes(config) },
      production: config.nodeEnv === 'production',
      mayInstall,
      confirm: terminalConfirm(),
      onProgress: say,
    });
    this.closers.add(() => engines.close());
    return engines;
  }

  /** Tells `motience-admin` where the private PostgreSQL is, for as long as it runs. Readable by its owner only. */
  private async shareDatabaseUrl(databaseUrl: string): Promise<void> {
    const file = join(this.options.dataDir, 'database-url');
    this.closers.add(() => rm(file, { force: true }));
    await rm(file, { force: true });
    await writeFile(file, `${databaseUrl}\n`, { mode: 0o600 });
  }

  /** Gives the port. */
  private async servePage(tester: 'producer' | 'consumer', port: number): Promise<number> {
    const { host } = this.options.config;
    const isPrivate = host === 'localhost' || isLoopback(host);
    const page = await servePage({
      root: join(root, 'testers', tester, 'dist'),
      host,
      port,
      portVariable: `${tester.toUpperCase()}_TESTER_PORT`,
      urlsFor: (hostname) => this.addresses.all(hostname),
      demoConsumer: () => (tester === 'consumer' && isPrivate ? this.demo?.consumer : undefined),
    });
    this.closers.add(() => page.stop());
    return page.port;
  }

  private async startService(service: Service, environment: NodeJS.ProcessEnv): Promise<void> {
    const { dataDir, say } = this.options;
    const { name, portVariable, nodeArgs = [] } = service;
    const supervised = new SupervisedProcess(
      {
        name,
        file: join(root, 'apps', name, 'dist', 'main.js'),
        args: [],
        nodeArgs,
        // Once it has a port it keeps it, also where the system picked it.
        environment: (port) => ({ ...environment, ...(port === undefined ? {} : { [portVariable]: String(port) }) }),
        reportsPort: true,
        isComplaint: () => true,
        logFile: join(dataDir, 'logs', `${name}.log`),
      },
      say,
    );
    this.closers.add(() => supervised.stop());
    await supervised.start();
    this.addresses.report(service, supervised.port ?? service.standardPort);
  }

  /** The platform is whole without it, so what goes wrong here is only told. */
  private async startDemo(environment: NodeJS.ProcessEnv): Promise<void> {
    const { dataDir, say } = this.options;
    say('Preparing the demo …');
    const urls = this.addresses.all(this.addresses.ownHostname);
    try {
      const demo = await prepareDemo({ dataDir, authUrl: urls.auth_url, subscriptionUrl: urls.subscription_url });
      const device = createDemoDevice({ demo, dataDir, urls, environment, say });
      this.closers.add(() => device.stop());
      await device.start();
      this.demo = demo;
      this.describeDemo(demo);
    } catch (error) {
      say(`The demo is left out: ${wordsOf(error)}`);
    }
  }

  /** Goes on beside everything else: nobody waits for it. */
  private describeDemo(demo: Demo): void {
    const cancelled = new AbortController();
    const described = demo.describe(cancelled.signal).catch((error: unknown) => {
      if (!cancelled.signal.aborted) this.options.say(`The demo has no sample in the catalogue: ${wordsOf(error)}`);
    });
    this.closers.add(() => {
      cancelled.abort();
      return described;
    });
  }
}
