import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import type { Role } from '@motience/protocol';
import { createLogger, type HttpServer, serveHttp } from '@motience/service-kit';
import { type ApiAccount, addAccount, jwtSecret, refusal } from '../../../../tests/support/api-under-test.ts';
import { readBillingConfig } from '../config.ts';
import { type Context, createContext } from '../context.ts';
import { createApp } from '../create-app.ts';

export type TestAccount = Pick<ApiAccount, 'id' | 'token'>;

export interface TestAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The service on a database and a corner of Redis of its own; it does not settle by itself. */
export class BillingService {
  private constructor(
    readonly context: Context,
    private readonly server: HttpServer,
    private readonly closers: (() => Promise<unknown>)[],
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<BillingService> {
    const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
    const config = readBillingConfig({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      REDIS_KEY_PREFIX: redis.prefix,
      JWT_SECRET: jwtSecret,
      BILLING_PORT: '0',
      ...environment,
    });
    const context = await createContext(config, createLogger('test', 'silent'));
    const server = await serveHttp(createApp(context), { host: config.host, port: 0, portVariable: 'BILLING_PORT' });
    return new BillingService(context, server, [database.drop, redis.drop, () => context.close(), () => server.stop()]);
  }

  account(role: Role): Promise<TestAccount> {
    return addAccount(this.context.database, role);
  }

  async call(method: string, path: string, account?: TestAccount, body?: unknown): Promise<TestAnswer> {
    const headers: Record<string, string> = account ? { authorization: `Bearer ${account.token}` } : {};
    if (body !== undefined) headers['content-type'] = 'application/json';
    return this.send(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  }

  async send(path: string, init: RequestInit): Promise<TestAnswer> {
    const response = await fetch(`${this.server.url}${path}`, init);
    return { status: response.status, body: await response.json() };
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}

/** Kind and first named field of a refusal. */
export function refusalIn({ status, body }: TestAnswer): string {
  const { kind, paths } = refusal({ status, json: body });
  return [status, kind, paths[0]].filter((part) => part !== undefined).join(' ');
}
