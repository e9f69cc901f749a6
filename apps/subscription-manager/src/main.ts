import { runApp, serveHttp } from '@motience/service-kit';
import { readSubscriptionManagerConfig } from './config.ts';
import { createContext } from './context.ts';
import { createApp } from './create-app.ts';

await runApp('subscription-manager', async (logger) => {
  const config = readSubscriptionManagerConfig(process.env);
  const context = await createContext(config, logger);
  try {
    const server = await serveHttp(createApp(context), {
      host: config.host,
      port: config.port,
      portVariable: 'SM_PORT',
    });
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
