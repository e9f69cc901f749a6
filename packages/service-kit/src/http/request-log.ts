import { createMiddleware } from 'hono/factory';
import { Histogram, type Registry } from 'prom-client';
import { clientAddress } from '../client-address.ts';
import type { Logger } from '../logger.ts';
import type { HttpEnv } from './http-env.ts';

const quietPaths = new Set(['/health', '/ready', '/metrics']);

/**
 * Logs one line per request and counts it: method, path, status, time. Never the query, headers or bodies, where
 * secrets are.
 */
export function requestLog(logger: Logger, registry: Registry, trustProxy: number) {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its reply',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [registry],
  });
  return createMiddleware<HttpEnv>(async (context, next) => {
    const { method, path } = context.req;
    const requestLogger = logger.child({ request_id: context.get('requestId') });
    const socketAddress = context.env?.incoming?.socket.remoteAddress ?? 'unknown';
    const address = clientAddress(socketAddress, context.req.header('x-forwarded-for'), trustProxy);
    context.set('logger', requestLogger);
    context.set('clientAddress', address);

    const startedAt = performance.now();
    await next();
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    const { status } = context.res;

    // Unknown paths share a label: a label per path that someone makes up would grow without bound.
    const route = status === 404 || status === 405 ? 'unknown' : context.req.routePath;
    durations.observe({ method: knownMethod(method), route, status }, durationMs / 1000);
    const level = status === 500 ? 'error' : quietPaths.has(path) ? 'debug' : 'info';
    requestLogger[level](
      { method: method.slice(0, 16), path: path.slice(0, 256), status, duration_ms: durationMs, address },
      'request',
    );
  });
}

function knownMethod(method: string): string {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) ? method : 'other';
}
