import { expect, test } from 'vitest';
import { isAllowedOrigin } from './allowed-origin.ts';

const allowed = { listed: ['http://localhost:3010', 'http://localhost:3011'], ownPorts: [3010, 3011] };

test.each([
  ['192.168.1.20:3001', 'http://192.168.1.20:3011'],
  ['pi.local:3001', 'http://pi.local:3010'],
  ['PI.local:3001', 'http://pi.local:3010'],
  ['[fe80::1]:3001', 'http://[fe80::1]:3011'],
  ['127.0.0.1:3001', 'http://localhost:3011'],
])('asked as %s, the testers on that host are let in: %s', (host, origin) => {
  expect(isAllowedOrigin(origin, host, allowed)).toBe(true);
});

test.each([
  ['192.168.1.20:3001', 'http://192.168.1.21:3011'],
  ['192.168.1.20:3001', 'http://192.168.1.20:3012'],
  ['192.168.1.20:3001', 'http://192.168.1.20'],
  ['192.168.1.20:3001', 'https://192.168.1.20:3011'],
  ['192.168.1.20:3001', 'http://192.168.1.20.evil.example:3011'],
  ['localhost:3001', 'http://evil.example:3011'],
  ['localhost:3001', 'null'],
  ['user@evil.example:3011/', 'http://evil.example:3011'],
  [undefined, 'http://evil.example:3011'],
])('asked as %s, no other page is let in: %s', (host, origin) => {
  expect(isAllowedOrigin(origin, host, allowed)).toBe(false);
});

test('where origins are configured, they are the only ones', () => {
  const configured = { listed: ['https://app.example'], ownPorts: [] };
  expect(isAllowedOrigin('https://app.example', 'api.example', configured)).toBe(true);
  expect(isAllowedOrigin('http://api.example:3011', 'api.example', configured)).toBe(false);
});
