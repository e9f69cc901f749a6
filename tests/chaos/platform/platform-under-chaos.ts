import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDatabase } from '../../../packages/database/dist/index.js';
import { findFreePort } from '../../../packages/engines/dist/free-port.js';
import type { Trouble } from '../checker/unreported.ts';
import type { Fault, Targets } from '../schedule.ts';
import { type EnginesUnderChaos, startEngines } from './engines.ts';
import { Link } from './link.ts';
import { ServiceProcess } from './service-process.ts';

const portVariables = {
  'auth-api': 'AP_PORT',
  'subscription-manager': 'SM_PORT',
  'data-stream-manager': 'DSM_PORT',
  'billing-api': 'BILLING_PORT',
  'producer-gateway': 'WSS1_PORT',
  'consumer-gateway': 'WSS2_PORT',
} as const;
type App = keyof typeof portVariables;

const howMany: Record<App, number> = {
  'auth-api': 1,
  'subscription-manager': 1,
  'data-stream-manager': 2,
  'billing-api': 2,
  'producer-gateway': 2,
  'consumer-gateway': 2,
};

/** What the way of a reading does not pass is broken as a whole only. */
const aside: readonly App[] = ['auth-api', 'subscription-manager'];

/** Small enough that those who come back after a while need PostgreSQL. */
const retainedReadings = 2_000;

/**
 * The whole platform on engines of its own, two of everything on the way of a reading and of its price, each with links of its own to
 * each engine and each gateway behind a link, so that any process and any connection can be broken alone.
 */
export class PlatformUnderChaos {
  private readonly services: ServiceProcess[] = [];
  private readonly links = new Map<string, Link>();
  private readonly ports = new Map<App, number>();
  /** Faults that last, engines that come back. */
  private readonly underWay = new Set<Promise<void>>();
  private readonly failures: string[] = [];
  /** All that was broken, and for how long, in ms of the monotonic clock. */
  readonly troubles: Trouble[] = [];

  private constructor(
    readonly engines: EnginesUnderChaos,
    private readonly logFolder: string,
  ) {
    process.once('exit', this.abandon);
  }

  /** Starts everything; resolves once all of it serves. What the services write goes to files in `logFolder`. */
  static async start(logFolder: string, options: { cluster: boolean }): Promise<PlatformUnderChaos> {
    mkdirSync(logFolder, { recursive: true });
    const engines = await startEngines(options);
    const platform = new PlatformUnderChaos(engines, logFolder);
    try {
      await migrateDatabase(engines.postgresUrl);
      const secret = randomBytes(32).toString('hex');
      for (const app of ['auth-api', 'subscription-manager', 'data-stream-manager', 'billing-api'] as const) {
        await platform.add(app, secret);
      }
      for (const app of ['producer-gateway', 'consumer-gateway'] as const) await platform.add(app, secret);
      await Promise.all(platform.services.map((service) => service.start()));
    } catch (error) {
      await platform.stop();
      throw error;
    }
    return platform;
  }

  get databaseUrl(): string {
    return this.engines.postgresUrl;
  }

  /** The gateway behind an address of `socketUrls`. */
  gatewayAt(url: string): string {
    const [name = ''] = [...this.links].find(([, { port }]) => String(port) === new URL(url).port) ?? [];
    return name.replace(/^\w+ to /, '');
  }

  httpUrl(app: App): string {
    return `http://127.0.0.1:${this.ports.get(app)}`;
  }

  /** The addresses of a role's gateways, behind their links. */
  socketUrls(role: 'producer' | 'consumer'): [string, ...string[]] {
    const [first, ...others] = [...this.links].flatMap(([name, { port }]) =>
      name.startsWith(`${role}s to `) ? [`ws://127.0.0.1:${port}/${role}`] : [],
    );
    if (first === undefined) throw new Error(`there is no ${role} gateway`);
    return [first, ...others];
  }

  targets(): Omit<Targets, 'readers'> {
    const processes = [...this.services, ...this.engines.breakable].map(({ name }) => name);
    const servers = this.engines.breakable.filter(({ canCut }) => canCut).map(({ name }) => name);
    return { processes, links: [...this.links.keys()], servers };
  }

  /** What ended though nobody asked it to, or did not come back. */
  unexpected(): string[] {
    return [...this.services.flatMap((service) => service.unexpectedEnds), ...this.failures];
  }

  /** Breaks a process or a link, and has it mended in time. */
  break({ kind, target, forMs, delayMs, direction }: Fault): void {
    const fromMs = performance.now();
    this.troubles.push({ kind, target, fromMs, untilMs: fromMs + forMs });
    const link = this.links.get(target);
    const service = this.services.find(({ name }) => name === target);
    const engine = this.engines.breakable.find(({ name }) => name === target);
    switch (kind) {
      case 'cut':
        link?.cut();
        if (engine) this.follow(engine.cut());
        break;
      case 'delay':
        link?.delay(delayMs);
        this.after(forMs, () => link?.delay(0));
        break;
      case 'half-open':
        link?.hold(direction);
        this.after(forMs, () => link?.release());
        break;
      case 'kill':
        if (engine) this.follow(engine.kill(forMs));
        else service?.kill(forMs);
        break;
      case 'freeze':
        if (engine) this.follow(engine.freeze(forMs));
        else service?.freeze(forMs);
        break;
    }
    if (service) this.after(forMs, () => {});
  }

  /** Resolves once nothing is broken any more, as far as it can be mended. */
  async mended(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  async stop(): Promise<void> {
    process.off('exit', this.abandon);
    await Promise.all(this.services.map((service) => service.stop()));
    await this.mended();
    await Promise.all([...this.links.values()].map((link) => link.close()));
    await this.engines.close();
  }

  /** A frozen service would not notice that its parent has ended. */
  private readonly abandon = () => {
    for (const service of this.services) service.abandon();
  };

  private async add(app: App, secret: string): Promise<void> {
    for (let number = 1; number <= howMany[app]; number += 1) {
      const name = howMany[app] === 1 ? app : `${app}-${number}`;
      const port = await findFreePort();
      if (number === 1) this.ports.set(app, port);
      if (app === 'producer-gateway') await this.link(`producers to ${name}`, port);
      if (app === 'consumer-gateway') await this.link(`consumers to ${name}`, port);
      const environment = {
        [portVariables[app]]: String(port),
        ...(await this.engineAddresses(name, aside.includes(app))),
        JWT_SECRET: secret,
        JWT_EXPIRES_IN: '1d',
        RETAINED_READINGS: String(retainedReadings),
        REGISTERS_PER_MINUTE: '1000',
        LOG_LEVEL: 'info',
      };
      this.services.push(new ServiceProcess(name, app, environment, join(this.logFolder, `${name}.log`)));
    }
  }

  /** The engines of a service, over links of its own or directly. No link fits before a cluster's nodes. */
  private async engineAddresses(service: string, direct: boolean): Promise<Record<string, string>> {
    const { postgresUrl, redis } = this.engines;
    const linked = async (engine: string, url: string) => {
      if (direct) return url;
      const over = new URL(url);
      over.port = String((await this.link(`${service} to ${engine}`, Number(over.port))).port);
      return over.href;
    };
    return {
      DATABASE_URL: await linked('postgres', postgresUrl),
      ...('url' in redis
        ? { REDIS_URL: await linked('redis', redis.url) }
        : { REDIS_CLUSTER_NODES: redis.clusterNodes, REDIS_PASSWORD: redis.password }),
    };
  }

  private async link(name: string, targetPort: number): Promise<Link> {
    const link = await Link.open(targetPort);
    this.links.set(name, link);
    return link;
  }

  private after(ms: number, mend: () => void): void {
    this.follow(new Promise<void>((resolve) => setTimeout(resolve, ms)).then(mend));
  }

  private follow(work: Promise<void>): void {
    const followed = work
      .catch((error: unknown) => void this.failures.push(error instanceof Error ? error.message : String(error)))
      .finally(() => this.underWay.delete(followed));
    this.underWay.add(followed);
  }
}
