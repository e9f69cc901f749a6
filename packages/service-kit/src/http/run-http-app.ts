import { type RunningApp, runApp } from '../lifecycle.ts';
import type { Logger } from '../logger.ts';
import type { HttpApp } from './http-app.ts';
import { serveHttp } from './serve-http.ts';

export interface HttpAppParts<Config, Context> {
  name: string;
  /** Name of the variable that sets the port. */
  portVariable: string;
  readConfig(environment: NodeJS.ProcessEnv): Config;
  createContext(config: Config, logger: Logger): Context | Promise<Context>;
  createApp(context: Context): HttpApp;
}

/**
 * Runs an HTTP API as this process: opens its context, serves, then starts the context's own work. Stopping ends requests
 * first and closes the context after; a start that fails closes it too.
 */
export function runHttpApp<
  Config extends { host: string; port: number },
  Context extends { start(): void; close(): Promise<void> },
>({ name, portVariable, readConfig, createContext, createApp }: HttpAppParts<Config, Context>): Promise<void> {
  return runApp(name, async (logger): Promise<RunningApp> => {
    const config = readConfig(process.env);
    const context = await createContext(config, logger);
    try {
      const { host, port } = config;
      const server = await serveHttp(createApp(context), { host, port, portVariable });
      context.start();
      return {
        port: server.port,
        url: server.url,
        stop: async () => {
          await server.stop();
          await context.close();
        },
      };
    } catch (error) {
      await context.close();
      throw error;
    }
  });
}
