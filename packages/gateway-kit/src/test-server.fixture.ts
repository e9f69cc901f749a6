import { createMetrics } from '@motience/service-kit';

/** What the server of a test does not care about. */
export const testServerOptions = {
  host: '127.0.0.1',
  port: 0,
  portVariable: 'PORT',
  path: '/socket',
  tls: undefined,
  trustProxy: 0,
  metricsToken: undefined,
  maxFrameBytes: 1024,
  maxBackpressureBytes: 1024 * 1024,
  pingSeconds: 30,
  idleTimeoutSeconds: 120,
  newSocketsPerMinute: 1_000,
  readiness: async () => ({ status: 200, body: { status: 'ready', parts: {} } }) as const,
  metrics: createMetrics('test'),
  receiveBinary: () => {},
  closed: () => {},
};
