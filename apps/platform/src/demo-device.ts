import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Demo } from './demo.ts';
import type { UrlName } from './services.ts';
import { SupervisedProcess } from './supervised-process.ts';

interface DemoDeviceOptions {
  demo: Demo;
  dataDir: string;
  urls: Record<UrlName, string>;
  environment: NodeJS.ProcessEnv;
  say: (text: string) => void;
}

/** The demo producer's device: `device-client`, streaming this machine's own figures each second. */
export function createDemoDevice({ demo, dataDir, urls, environment, say }: DemoDeviceOptions): SupervisedProcess {
  const options = {
    '--auth-url': urls.auth_url,
    '--gateway-url': urls.producer_gateway_url,
    '--username': demo.producer.username,
    '--password-file': demo.producer.passwordFile,
    '--device-id': demo.deviceId,
    '--source': 'system',
    '--interval': '1s',
    '--queue-dir': join(dataDir, 'demo', 'queue'),
  };
  const certificate = environment.TLS_CERT_FILE;
  return new SupervisedProcess(
    {
      name: 'device-client',
      file: fileURLToPath(new URL('../../device-client/dist/main.js', import.meta.url)),
      args: Object.entries(options).flat(),
      nodeArgs: ['--import', new URL('./end-with-parent.js', import.meta.url).href],
      environment: () => ({ ...environment, ...(certificate ? { NODE_EXTRA_CA_CERTS: certificate } : {}) }),
      reportsPort: false,
      isComplaint: (line) => !line.includes(' INFO: '),
      logFile: join(dataDir, 'logs', 'device-client.log'),
    },
    say,
  );
}
