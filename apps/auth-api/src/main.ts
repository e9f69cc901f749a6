import { runHttpApp } from '@motience/service-kit';
import { readAuthConfig } from './config.ts';
import { createContext } from './context.ts';
import { createApp } from './create-app.ts';

await runHttpApp({
  name: 'auth-api',
  portVariable: 'AP_PORT',
  readConfig: readAuthConfig,
  createContext,
  createApp,
});
