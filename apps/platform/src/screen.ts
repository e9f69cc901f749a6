import { join, relative } from 'node:path';
import type { Addresses } from './addresses.ts';
import type { Demo } from './demo.ts';
import { services } from './services.ts';

export interface ScreenFacts {
  addresses: Addresses;
  producerTesterPort: number;
  consumerTesterPort: number;
  /** Under which this machine is shown to those who sit at it. */
  hostname: string;
  /** Under which other machines reach it; empty when they do not. */
  networkHostnames: readonly string[];
  demo: Demo | undefined;
  isProduction: boolean;
  dataDir: string;
  /** How long the start took. */
  seconds: number;
}

/** The one screen that is shown when everything is up. */
export function screenText(facts: ScreenFacts): string {
  const { addresses, hostname, dataDir, seconds, demo } = facts;
  const width = Math.max(...services.map(({ name }) => name.length));
  const lines = services.map((service) => {
    const url = addresses.of(service, hostname);
    return `  ${service.name.padEnd(width)}   ${service.scheme === 'http' ? `${url}/api-docs` : `${url}${service.path}`}`;
  });
  return `
Motience is running (it took ${seconds.toFixed(1)} s).

  ${'consumer tester'.padEnd(width)}   http://${hostname}:${facts.consumerTesterPort}
  ${'producer tester'.padEnd(width)}   http://${hostname}:${facts.producerTesterPort}

${lines.join('\n')}

${networkText(facts)}${demo ? demoText(demo, facts) : facts.isProduction ? productionText : accountText(facts)}
Logs: ${shown(join(dataDir, 'logs'))}. Ctrl-C stops everything; data and accounts are kept.
`;
}

function networkText({ networkHostnames, consumerTesterPort, producerTesterPort }: ScreenFacts): string {
  if (networkHostnames.length === 0) return '';
  const pages = networkHostnames.map(
    (name) => `  http://${name}:${consumerTesterPort} (consumer)   http://${name}:${producerTesterPort} (producer)\n`,
  );
  return `Open to the network; from other machines the tester pages are at
${pages.join('')}Pages and APIs are not encrypted: whoever can listen in on the network reads passwords and tokens.

`;
}

function demoText({ producer, consumer, deviceId }: Demo, { hostname, consumerTesterPort }: ScreenFacts): string {
  return `Try this: open http://${hostname}:${consumerTesterPort} and connect as the demo consumer. What moves there are the figures of
this very machine, which streams them each second as device ${deviceId} of the demo producer.

Demo accounts (of this installation only; passwords are kept in ${shown(join(consumer.passwordFile, '..'))}):
  ${consumer.username}   ${consumer.password}
  ${producer.username}   ${producer.password}
`;
}

function accountText({ hostname, consumerTesterPort, producerTesterPort }: ScreenFacts): string {
  return `There is no demo, and maybe no account yet. Try this: register as a producer at http://${hostname}:${producerTesterPort} and
send a reading; register as a consumer at http://${hostname}:${consumerTesterPort} and subscribe to that producer.
`;
}

const productionText = `Production mode: no demo accounts. An admin is made on this machine, by
  npx motience-admin create --username <name>
`;

/** A path as short as it can be written from here. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere || '.';
}
