import { runHttpApp } from '@motience/service-kit';
import { readSubscriptionManagerConfig } from './config.ts';
import { createContext } from './context.ts';
import { createApp } from './create-app.ts';

await runHttpApp({
  name: 'subscription-manager',
  portVariable: 'SM_PORT',
  readConfig: readSubscriptionManagerConfig,
  createContext,
  createApp,
});
