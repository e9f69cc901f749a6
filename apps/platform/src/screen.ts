import type { Demo } from './demo.ts';

export interface ScreenFacts {
  /** Name and address of each service, and of its Swagger page if it has one. */
  services: readonly { name: string; url: string; docs?: string }[];
  producerTester: string;
  consumerTester: string;
  demo: Demo | undefined;
  logDir: string;
  authUrl: string;
  seconds: number;
}

/** The one screen that is shown when everything is up. */
export function screenText(facts: ScreenFacts): string {
  const { services, producerTester, consumerTester, demo, logDir, authUrl, seconds } = facts;
  const width = Math.max(...services.map(({ name }) => name.length));
  const addresses = services.map(
    ({ name, url, docs }) => `  ${name.padEnd(width)}  ${url}${docs ? `   docs ${docs}` : ''}`,
  );
  return `
Motience is running (started in ${seconds.toFixed(1)} s).

  Receive    ${consumerTester}   consumer tester
  Send       ${producerTester}   producer tester

${addresses.join('\n')}

${demo ? demoText(demo, consumerTester) : accountText(authUrl)}
Logs are in ${logDir}. Ctrl-C stops everything; data and accounts are kept.
`;
}

function demoText({ producer, consumer, deviceId }: Demo, consumerTester: string): string {
  return `Demo accounts, of this installation only (passwords are kept in ${folderOf(consumer.passwordFile)}):
  consumer   ${consumer.username}   ${consumer.password}
  producer   ${producer.username}   ${producer.password}   device ${deviceId}: this machine's own figures, each second

Try this: open ${consumerTester}, sign in as the demo consumer and connect: its readings are moving.
`;
}

function accountText(authUrl: string): string {
  return `Try this: make an account, here or in a tester page.
  curl -X POST ${authUrl}/register -H "Content-Type: application/json" \\
    -d '{"username":"producer1","password":"pass123","role":"producer","device_id":"rpi_001"}'
`;
}

const folderOf = (file: string): string => file.slice(0, file.lastIndexOf('/'));
