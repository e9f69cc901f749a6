import { runApp } from '@motience/service-kit';
import { readConsumerGatewayConfig } from './config.ts';
import { createContext } from './context.ts';
import { startConsumerGateway } from './start.ts';

await runApp('consumer-gateway', async (logger) => {
  const config = readConsumerGatewayConfig(process.env);
  return startConsumerGateway(config, await createContext(config, logger), logger);
});
