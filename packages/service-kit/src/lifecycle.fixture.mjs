// One app for lifecycle.test.ts, run as a process of its own.
import { createHttpApp, createMetrics, port, readConfig, runApp, serveHttp } from '@motience/service-kit';

const keepAlive = setInterval(() => {}, 1000);
const app = { port: 4321, url: 'http://127.0.0.1:4321' };

const modes = {
  normal: async (logger) => ({
    ...app,
    stop: async () => {
      clearInterval(keepAlive);
      logger.info('fixture stopped');
    },
  }),
  'never stops': async () => ({ ...app, stop: () => new Promise(() => {}) }),
  rejects: async () => {
    Promise.reject(new Error('nobody caught this'));
    return { ...app, stop: async () => {} };
  },
  configured: async (logger) => {
    const config = readConfig({ port: port('FIXTURE_PORT', 0) }, process.env);
    const http = createHttpApp({
      title: 'fixture',
      version: '1',
      description: '',
      logger,
      registry: createMetrics('fixture'),
      corsOrigins: { listed: [], ownPorts: [] },
      trustProxy: 0,
      metricsToken: undefined,
      readinessChecks: [],
    });
    return serveHttp(http, { host: '127.0.0.1', port: config.port, portVariable: 'FIXTURE_PORT' });
  },
};

await runApp('fixture', modes[process.argv[2]], { stopDeadlineMs: 300 });
