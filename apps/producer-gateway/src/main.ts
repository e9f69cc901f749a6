import { runApp } from '@motience/service-kit';
import { readProducerGatewayConfig } from './config.ts';
import { createContext } from './context.ts';
import { startProducerGateway } from './start.ts';

await runApp('producer-gateway', async (logger) => {
  const config = readProducerGatewayConfig(process.env);
  return startProducerGateway(config, await createContext(config, logger), logger);
});
