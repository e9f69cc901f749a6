import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { listenError, urlOf } from '../listen-error.ts';
import type { HttpApp } from './http-app.ts';

export interface HttpServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Name of the variable that sets the port, for the error when it is taken. */
  portVariable: string;
}

export interface HttpServer {
  port: number;
  url: string;
  /** Stops accepting and waits for what runs, at most 5 s; then cuts it. */
  stop(): Promise<void>;
}

const drainMs = 5_000;

/** Serves an app. Throws `CannotListen` when the port cannot be had. */
export async function serveHttp(app: HttpApp, { host, port, portVariable }: HttpServerOptions): Promise<HttpServer> {
  const timeouts = { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 60_000 };
  const server = createServer(timeouts, getRequestListener(app.fetch, { hostname: host }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port, portVariable)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;

  return {
    port: bound,
    url: urlOf('http', host, bound),
    stop: () =>
      new Promise((resolve, reject) => {
        const deadline = setTimeout(() => server.closeAllConnections(), drainMs);
        server.close((error) => {
          clearTimeout(deadline);
          if (error) reject(error);
          else resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
