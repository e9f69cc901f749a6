import { createHash, timingSafeEqual } from 'node:crypto';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { isLoopback } from './client-address.ts';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A registry of its own for one app, with the process's figures in it. */
export function createMetrics(app: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  collectDefaultMetrics({ register: registry });
  return registry;
}

export interface MetricsRequest {
  /** Address of the socket's other end. */
  address: string;
  /** The header, if there is one: a request that a proxy passed on is not from this machine. */
  xForwardedFor: string | undefined;
  authorization: string | undefined;
  metricsToken: string | undefined;
}

/** Whether someone may read `/metrics`: anyone on this machine, others with `Bearer <METRICS_TOKEN>`. */
export function mayReadMetrics(request: MetricsRequest): boolean {
  if (isLoopback(request.address) && request.xForwardedFor === undefined) return true;
  if (request.metricsToken === undefined || request.authorization === undefined) return false;
  return timingSafeEqual(digest(request.authorization), digest(`Bearer ${request.metricsToken}`));
}

/** Equal length whatever the text, so that comparing tells nothing about it. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
