/** The services as processes of their own, on real engines, for tests of the whole way. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, createTestRedis, findFreePort } from '../packages/engines/dist/testing.js';
import { until } from './socket-client.ts';

const portVariables = {
  'auth-api': 'AP_PORT',
  'subscription-manager': 'SM_PORT',
  'data-stream-manager': 'DSM_PORT',
  'billing-api': 'BILLING_PORT',
  'producer-gateway': 'WSS1_PORT',
  'consumer-gateway': 'WSS2_PORT',
} as const;

export type ServiceName = keyof typeof portVariables;

const names: ServiceName[] = [
  'auth-api',
  'subscription-manager',
  'data-stream-manager',
  'billing-api',
  'producer-gateway',
  'consumer-gateway',
];

export class ServicesUnderTest {
  readonly ports = new Map<ServiceName, number>();
  private readonly processes = new Map<ServiceName, ChildProcess>();

  private constructor(
    private readonly environment: Record<string, string>,
    readonly databaseUrl: string,
    readonly redis: { url: string; prefix: string },
    private readonly release: () => Promise<void>,
  ) {}

  /** Starts all of them on free ports, with a database and a corner of Redis of their own. */
  static async start(environment: Record<string, string> = {}): Promise<ServicesUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'motience-test-'));
    const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
    const services = new ServicesUnderTest(
      {
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: redis.prefix,
        MOTIENCE_DATA_DIR: folder,
        REGISTERS_PER_MINUTE: '10000',
        LOG_LEVEL: 'warn',
        ...environment,
      },
      database.url,
      redis,
      async () => {
        await Promise.all([database.drop(), redis.drop(), rm(folder, { recursive: true, force: true })]);
      },
    );
    const [first, ...others] = names;
    if (first) await services.launch(first);
    await Promise.all(others.map((name) => services.launch(name)));
    await until(() => services.isReady('consumer-gateway'));
    return services;
  }

  /** Whether a service says that it has all it needs. */
  isReady(name: ServiceName): Promise<boolean> {
    const options = { host: '127.0.0.1', port: this.ports.get(name), path: '/ready', rejectUnauthorized: false };
    const get = this.environment.TLS_CERT_FILE ? httpsGet : httpGet;
    return new Promise((resolve, reject) => {
      get(options, (response) => resolve(response.resume().statusCode === 200)).on('error', reject);
    });
  }

  httpUrl(name: ServiceName): string {
    return `http://127.0.0.1:${this.ports.get(name)}`;
  }

  socketUrl(role: 'producer' | 'consumer', scheme: 'ws' | 'wss' = 'ws'): string {
    return `${scheme}://127.0.0.1:${this.ports.get(`${role}-gateway`)}/${role}`;
  }

  /** Starts a service, on the port it had before if it ran before. */
  async launch(name: ServiceName): Promise<void> {
    const port = this.ports.get(name) ?? (await findFreePort());
    this.ports.set(name, port);
    const child = fork(fileURLToPath(new URL(`../apps/${name}/dist/main.js`, import.meta.url)), {
      env: {
        ...process.env,
        ...this.environment,
        AP_PORT: String(this.ports.get('auth-api') ?? 0),
        [portVariables[name]]: String(port),
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.processes.set(name, child);
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it listened`)));
    });
  }

  /** Freezes a service, or lets it go on. */
  signal(name: ServiceName, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.processes.get(name)?.kill(signal);
  }

  /** Services whose process is gone. */
  gone(): ServiceName[] {
    return names.filter((name) => {
      const child = this.processes.get(name);
      return child === undefined || child.exitCode !== null || child.signalCode !== null;
    });
  }

  /** What a service says of its parts, and how it answers. */
  async readiness(name: ServiceName): Promise<{ status: number; missing: string[] }> {
    const response = await fetch(`${this.httpUrl(name)}/ready`);
    const { parts }: { parts: Record<string, { ok: boolean }> } = await response.json();
    const missing = Object.entries(parts).flatMap(([part, { ok }]) => (ok ? [] : [part]));
    return { status: response.status, missing };
  }

  /** Megabytes of memory that a service's process holds. */
  async residentMegabytes(name: ServiceName): Promise<number> {
    const metrics = await (await fetch(`${this.httpUrl(name)}/metrics`)).text();
    return Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(metrics)?.[1]) / 1e6;
  }

  /** Sends a signal and waits until the process is gone. Returns its exit code, null after a signal that kills. */
  async end(name: ServiceName, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.processes.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    return child.exitCode;
  }

  async stop(): Promise<void> {
    await Promise.all(names.map((name) => this.end(name, 'SIGTERM')));
    await this.release();
  }
}
