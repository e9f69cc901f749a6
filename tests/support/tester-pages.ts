/** Both tester pages as the platform serves them, and a browser to use them with. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type PageServer, servePage } from '../../apps/platform/dist/page-server.js';
import { findFreePort } from '../../packages/engines/dist/testing.js';
import { ServicesUnderTest } from '../services-under-test.ts';

export type Tester = 'producer' | 'consumer';

const usualPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** `CHROMIUM_PATH`, or where systems put it; undefined if there is none. */
export function findChromium(): string | undefined {
  return [process.env.CHROMIUM_PATH, ...usualPaths].find((path) => path !== undefined && existsSync(path));
}

/** A browser that speaks to nobody but the pages it is sent to. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

interface Credentials {
  username: string;
  password: string;
}

export class TesterPages {
  /** Offered by the consumer tester from then on. */
  demoConsumer: Credentials | undefined;

  private constructor(
    readonly services: ServicesUnderTest,
    private readonly servers: Record<Tester, PageServer>,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<TesterPages> {
    const [producerPort, consumerPort] = [await findFreePort(), await findFreePort()];
    const services = await ServicesUnderTest.start({
      CORS_ORIGINS: `http://localhost:${producerPort},http://localhost:${consumerPort}`,
      CONSUMER_TESTER_PORT: String(consumerPort),
      ...environment,
    });
    const servers = await Promise.all(
      [['producer', producerPort] as const, ['consumer', consumerPort] as const].map(([tester, port]) =>
        servePage({
          root: fileURLToPath(new URL(`../../testers/${tester}/dist`, import.meta.url)),
          host: '127.0.0.1',
          port,
          portVariable: 'TESTER_PORT',
          urlsFor: () => ({
            auth_url: services.httpUrl('auth-api'),
            subscription_url: services.httpUrl('subscription-manager'),
            stream_url: services.httpUrl('data-stream-manager'),
            billing_url: services.httpUrl('billing-api'),
            producer_gateway_url: gatewayUrl(services, 'producer'),
            consumer_gateway_url: gatewayUrl(services, 'consumer'),
          }),
          demoConsumer: () => (tester === 'consumer' ? pages.demoConsumer : undefined),
        }),
      ),
    );
    const [producer, consumer] = servers;
    if (!producer || !consumer) throw new Error('the pages are not served');
    const pages = new TesterPages(services, { producer, consumer });
    return pages;
  }

  url(tester: Tester): string {
    return `http://localhost:${this.servers[tester].port}/`;
  }

  async stop(): Promise<void> {
    await Promise.all([this.servers.producer.stop(), this.servers.consumer.stop()]);
    await this.services.stop();
  }
}

function gatewayUrl(services: ServicesUnderTest, role: Tester): string {
  return new URL(services.socketUrl(role)).origin.replace(/^http/, 'ws');
}

/** Collects what must never happen on a page: errors nobody caught, and what its security policy had to stop. */
export function watchForFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught|Unhandled/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}
