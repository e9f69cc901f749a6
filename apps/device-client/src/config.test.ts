import { describe, expect, test } from 'vitest';
import { readConfig } from './config.ts';

const options = {
  authUrl: 'https://auth.example',
  gatewayUrl: 'wss://gateway.example:8001',
  username: 'pat@home',
  deviceId: 'rpi:001',
  source: 'system',
};
const configOf = (more: object = {}, env: Record<string, string> = {}) => {
  const read = readConfig({ ...options, ...more }, env);
  if ('mistakes' in read) throw new Error(read.mistakes.join('\n'));
  return read.config;
};
const mistakesOf = (given: object) => {
  const read = readConfig(given, {});
  return 'mistakes' in read ? read.mistakes : [];
};

describe('the configuration', () => {
  test('everything that is wrong is told at once, by option', () => {
    expect(
      mistakesOf({
        authUrl: 'ftp://x',
        gatewayUrl: 'http://x',
        username: 'a b',
        source: 'x.txt',
        interval: '3 weeks',
        maxQueueReadings: '0',
      }),
    ).toEqual([
      '--auth-url: expected an address that begins with http:// or https://',
      '--gateway-url: expected an address that begins with ws:// or wss://',
      '--username: expected 3 to 64 of letters, digits and . _ - @ +',
      '--device-id is missing',
      '--source: expected system, stdin, or a file named .csv or .jsonl',
      '--interval: expected a time up to 1 day, such as 500ms, 1s or 5m',
      '--max-queue-readings: expected a whole number from 1 to 99999999',
    ]);
  });

  test('an address with a password in it is refused', () => {
    expect(mistakesOf({ ...options, gatewayUrl: 'ws://pat:secret@gateway' })).toHaveLength(1);
  });

  test.each([
    [{ source: 'system', loop: true }, '--loop: only a file can be repeated'],
    [{ source: 'stdin', restart: true }, '--restart: only a file can be read from its start'],
    [{ source: 'system', interval: '0' }, '--interval: expected more than 0 for system'],
    [{ interval: '2d' }, '--interval: expected a time up to 1 day, such as 500ms, 1s or 5m'],
  ])('what does not fit together is told: %j', (more, mistake) => {
    expect(mistakesOf({ ...options, ...more })).toEqual([mistake]);
  });

  test.each([
    [{}, 1_000],
    [{ interval: '250ms' }, 250],
    [{ interval: '1.5s' }, 1_500],
    [{ source: 'stdin' }, 0],
    [{ source: 'a.csv' }, 0],
    [{ source: 'a.csv', loop: true }, 1_000],
    [{ source: 'a.csv', loop: true, interval: '0' }, 0],
  ])('the interval of %j is %i ms', (more, intervalMs) => {
    expect(configOf(more).intervalMs).toBe(intervalMs);
  });

  test('the password is a file, or the environment’s, or asked for', () => {
    expect(configOf({ passwordFile: '/p' }, { MOTIENCE_PASSWORD: 'x' }).password).toEqual({ file: '/p' });
    expect(configOf({}, { MOTIENCE_PASSWORD: 'x' }).password).toEqual({ text: 'x' });
    expect(configOf().password).toBe('ask');
  });

  test('each gateway, account and device has a queue folder of its own, inside the state folder', () => {
    const env = { XDG_STATE_HOME: '/state' };
    const folders = [{}, { deviceId: '..' }, { username: 'eve' }, { gatewayUrl: 'wss://other' }].map(
      (more) => configOf(more, env).queueDirectory,
    );
    expect(new Set(folders).size).toBe(4);
    expect(folders[0]).toBe('/state/motience/queues/gateway.example%3A8001~pat%40home~rpi%3A001');
    for (const folder of folders) expect(folder).toMatch(/^\/state\/motience\/queues\/[^/]+$/);
    expect(configOf({ queueDir: '/q' }, env).queueDirectory).toBe('/q');
  });

  test('a gateway on this machine is the same one, however it is written', () => {
    const folders = ['ws://localhost:8001', 'ws://127.0.0.1:8001', 'ws://[::1]:8001', 'ws://localhost:8002'].map(
      (gatewayUrl) => configOf({ gatewayUrl }, { XDG_STATE_HOME: '/state' }).queueDirectory,
    );
    expect(folders).toEqual([folders[0], folders[0], folders[0], expect.stringContaining('localhost%3A8002')]);
  });
});
