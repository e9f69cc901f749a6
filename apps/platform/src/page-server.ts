import { createServer, type IncomingMessage } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { serveStatic } from '@hono/node-server/serve-static';
import { hostnameOf, isLoopback, listenError } from '@motience/service-kit';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { UrlName } from './services.ts';

/** What a tester page reads from `/config.json`. */
interface PageConfig extends Record<UrlName, string> {
  demo?: { consumer: DemoAccount };
}

export interface DemoAccount {
  username: string;
  password: string;
}

export interface PageOptions {
  /** Folder with the built page. */
  root: string;
  host: string;
  port: number;
  portVariable: string;
  /** The services' addresses for someone who reached the page under `hostname`. */
  urlsFor(hostname: string): Record<UrlName, string>;
  /** The demo consumer, for its page; shown to this machine only. */
  demoConsumer(): DemoAccount | undefined;
}

export interface PageServer {
  port: number;
  stop(): Promise<void>;
}

/** Serves one tester page. Throws `CannotListen` when the port cannot be had. */
export async function servePage(options: PageOptions): Promise<PageServer> {
  const { host, port, portVariable } = options;
  const server = createServer(getRequestListener(createPageApp(options).fetch, { hostname: host }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port, portVariable)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function createPageApp({
  root,
  urlsFor,
  demoConsumer,
}: PageOptions): Hono<{ Bindings: { incoming: IncomingMessage } }> {
  const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>();
  const urlsOf = (hostHeader: string | undefined) => urlsFor(hostnameOf(hostHeader) ?? 'localhost');

  app.use(async (context, next) => {
    const services = Object.values(urlsOf(context.req.header('host'))).map((url) => new URL(url).origin);
    const nothing = ["'none'"];
    const own = ["'self'"];
    const middleware = secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: nothing,
        scriptSrc: own,
        styleSrc: own,
        imgSrc: [...own, 'data:', 'blob:'],
        fontSrc: own,
        manifestSrc: own,
        connectSrc: [...own, ...services],
        baseUri: nothing,
        formAction: nothing,
        frameAncestors: nothing,
      },
      referrerPolicy: 'no-referrer',
      // The page is served without TLS on purpose; this would only trouble other services of the same host.
      strictTransportSecurity: false,
    });
    return middleware(context, next);
  });

  app.get('/config.json', (context) => {
    const hostHeader = context.req.header('host');
    const config: PageConfig = urlsOf(hostHeader);
    const account = demoConsumer();
    // Only the name of this machine: a page of another name that resolves to 127.0.0.1 must not read a password.
    const named = isLoopbackName(hostnameOf(hostHeader));
    if (account && named && isLoopback(getConnInfo(context).remote.address ?? '')) {
      config.demo = { consumer: { username: account.username, password: account.password } };
    }
    return context.json(config, 200, { 'cache-control': 'no-store' });
  });

  // Files with a hash in their name never change; the page itself is asked for again each time.
  app.use('/assets/*', async (context, next) => {
    await next();
    if (context.res.ok) context.header('cache-control', 'public, max-age=31536000, immutable');
  });
  app.get('*', serveStatic({ root }));
  return app;
}

function isLoopbackName(hostname: string | undefined): boolean {
  return hostname !== undefined && (hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, '')));
}
