import { join, relative } from 'node:path';
import type { Addresses } from './addresses.ts';
import type { Demo } from './demo.ts';
import { services } from './services.ts';

export interface ScreenFacts {
  addresses: Addresses;
  producerTester: string;
  consumerTester: string;
  demo: Demo | undefined;
  dataDir: string;
  /** How long the start took. */
  seconds: number;
}

/** The one screen that is shown when everything is up. */
export function screenText({ addresses, producerTester, consumerTester, demo, dataDir, seconds }: ScreenFacts): string {
  const width = Math.max(...services.map(({ name }) => name.length));
  const lines = services.map((service) => {
    const url = addresses.of(service, 'localhost');
    return `  ${service.name.padEnd(width)}   ${service.scheme === 'http' ? `${url}/api-docs` : `${url}${service.path}`}`;
  });
  return `
Motience is running (it took ${seconds.toFixed(1)} s).

  ${'consumer tester'.padEnd(width)}   ${consumerTester}
  ${'producer tester'.padEnd(width)}   ${producerTester}

${lines.join('\n')}

${demo ? demoText(demo, consumerTester) : accountText(addresses.of(services[0], 'localhost'))}
Logs: ${shown(join(dataDir, 'logs'))}. Ctrl-C stops everything; data and accounts are kept.
`;
}

function demoText({ producer, consumer, deviceId }: Demo, consumerTester: string): string {
  return `Try this: open ${consumerTester} and connect as the demo consumer. What moves there are the figures of
this very machine, which streams them each second as device ${deviceId} of the demo producer.

Demo accounts (of this installation only; passwords are kept in ${shown(join(consumer.passwordFile, '..'))}):
  ${consumer.username}   ${consumer.password}
  ${producer.username}   ${producer.password}
`;
}

function accountText(authUrl: string): string {
  return `Try this: make an account, in a tester page or here.
  curl -X POST ${authUrl}/register -H "Content-Type: application/json" \\
    -d '{"username":"producer1","password":"pass123","role":"producer","device_id":"rpi_001"}'
`;
}

/** A path as short as it can be written from here. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere || '.';
}
