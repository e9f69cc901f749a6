import { runHttpApp } from '@motience/service-kit';
import { readBillingConfig } from './config.ts';
import { createContext } from './context.ts';
import { createApp } from './create-app.ts';

await runHttpApp({
  name: 'billing-api',
  portVariable: 'BILLING_PORT',
  readConfig: readBillingConfig,
  createContext,
  createApp,
});
