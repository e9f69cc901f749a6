import { runApp, serveHttp } from '@motience/service-kit';
import { readBillingConfig } from './config.ts';
import { createContext } from './context.ts';
import { createApp } from './create-app.ts';

await runApp('billing-api', async (logger) => {
  const config = readBillingConfig(process.env);
  const context = createContext(config, logger);
  try {
    const server = await serveHttp(createApp(context), {
      host: config.host,
      port: config.port,
      portVariable: 'BILLING_PORT',
    });
    context.settler.start();
    context.closer.start();
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
