import { expect, test } from 'vitest';
import { Addresses } from './addresses.ts';
import { networkHostnames } from './network-hostnames.ts';
import { type ScreenFacts, screenText } from './screen.ts';

const factsOf = (host: string, facts: Partial<ScreenFacts> = {}): ScreenFacts => {
  const addresses = new Addresses(host, new Map(), false);
  return {
    addresses,
    producerTesterPort: 3010,
    consumerTesterPort: 3011,
    hostname: addresses.shownHostname,
    networkHostnames: [],
    demo: undefined,
    isProduction: false,
    dataDir: '/data',
    seconds: 1,
    ...facts,
  };
};

test('what only this machine reaches is shown as localhost, without a word about the network', () => {
  const text = screenText(factsOf('127.0.0.1'));
  expect(text).toContain('http://localhost:3011');
  expect(text).not.toMatch(/network|encrypted/);
});

test('what other machines reach is shown with their addresses, and that it is not encrypted', () => {
  const text = screenText(factsOf('0.0.0.0', { networkHostnames: ['192.168.1.20'] }));
  expect(text).toContain('http://localhost:3011');
  expect(text).toContain('http://192.168.1.20:3011');
  expect(text).toContain('http://192.168.1.20:3010');
  expect(text).toContain('not encrypted');
});

test('on one address of this machine nothing is shown as localhost, where nothing listens', () => {
  expect(screenText(factsOf('192.168.1.20'))).not.toContain('localhost');
});

test('without a demo it says how to begin; production names the admin and no page to register at', () => {
  expect(screenText(factsOf('127.0.0.1'))).toContain('register as a producer at http://localhost:3010');
  const production = screenText(factsOf('127.0.0.1', { isProduction: true }));
  expect(production).toContain('motience-admin create');
  expect(production).not.toContain('register');
});

test('addresses for other machines are those of the network and never this machine’s own', () => {
  const entry = { netmask: '', mac: '', cidr: null };
  const interfaces = {
    lo: [{ ...entry, address: '127.0.0.1', family: 'IPv4' as const, internal: true }],
    eth0: [
      { ...entry, address: '192.168.1.20', family: 'IPv4' as const, internal: false },
      { ...entry, address: 'fe80::1', family: 'IPv6' as const, scopeid: 2, internal: false },
    ],
  };
  expect(networkHostnames('0.0.0.0', interfaces)).toEqual(['192.168.1.20']);
  expect(networkHostnames('127.0.0.1', interfaces)).toEqual([]);
  expect(networkHostnames('10.0.0.7', interfaces)).toEqual(['10.0.0.7']);
  expect(networkHostnames('fd00::7', interfaces)).toEqual(['[fd00::7]']);
});
