import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, createTestRedis, type TestDatabase, type TestRedis } from '@motience/engines/testing';
import { tokensSchema } from '@motience/protocol';
import { createTokenVerifier } from '@motience/tokens';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callApi } from '../../../tests/support/api-under-test.ts';
import { password } from './testing/start-auth-api.ts';

const appFolder = fileURLToPath(new URL('..', import.meta.url));
let folder: string;
let database: TestDatabase;
let redis: TestRedis;
const children: ChildProcess[] = [];

beforeAll(async () => {
  [folder, database, redis] = await Promise.all([
    mkdtemp(join(tmpdir(), 'motience-auth-')),
    createTestDatabase(),
    createTestRedis(),
  ]);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => Promise.all([rm(folder, { recursive: true }), database.drop(), redis.drop()]));

/** Runs a file of the app as a process, with only `environment` and a way to find node. */
function run(file: string, args: string[], environment: Record<string, string>, input = '') {
  const child = spawn(process.execPath, [join(appFolder, file), ...args], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const output = { text: '', errors: '' };
  child.stdout?.on('data', (data) => {
    output.text += data;
  });
  child.stderr?.on('data', (data) => {
    output.errors += data;
  });
  child.stdin?.end(input);
  const ended = new Promise<{ code: number | null; text: string; errors: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, ...output })),
  );
  const listening = new Promise<{ url: string }>((resolve) =>
    child.once('message', (message) => resolve(z.object({ url: z.string() }).parse(message))),
  );
  return { child, ended, listening };
}

const serviceEnvironment = () => ({
  DATABASE_URL: database.url,
  REDIS_URL: redis.url,
  REDIS_KEY_PREFIX: redis.prefix,
  AP_PORT: '0',
  MOTIENCE_DATA_DIR: folder,
});

describe('the auth-api process', () => {
  it('signs with a key pair it makes and keeps, which others can verify with what it shows', async () => {
    const first = run('dist/main.js', [], serviceEnvironment());
    const { url } = await first.listening;
    const body = { username: 'someone', password, role: 'consumer' };
    expect((await callApi(url, 'POST /register', { body })).status).toBe(201);
    const login = { body: { username: 'someone', password } };
    const { access_token } = tokensSchema.parse((await callApi(url, 'POST /login', login)).json);
    expect((await stat(join(folder, 'keys', 'jwt.jwk.json'))).mode & 0o777).toBe(0o600);
    expect((await callApi(url, 'GET /.well-known/jwks.json')).json).toMatchObject({
      keys: [{ crv: 'Ed25519', use: 'sig' }],
    });
    expect(JSON.stringify((await callApi(url, 'GET /.well-known/jwks.json')).json)).not.toContain('"d"');
    const verify = createTokenVerifier({ jwtSecret: undefined, authUrl: url });
    expect(await verify(access_token)).toMatchObject({ ok: true, claims: { role: 'consumer' } });

    first.child.kill('SIGTERM');
    const { code, text } = await first.ended;
    expect(code).toBe(0);
    expect(text).not.toContain(password);
    const second = run('dist/main.js', [], serviceEnvironment());
    const again = await second.listening;
    expect((await callApi(again.url, 'GET /me', { token: access_token })).status).toBe(200);
  });

  it('shows no keys when it signs with a secret', async () => {
    const app = run('dist/main.js', [], { ...serviceEnvironment(), JWT_SECRET: 'your-secret-key-here' });
    const { url } = await app.listening;
    expect((await callApi(url, 'GET /.well-known/jwks.json')).json).toEqual({ keys: [] });
  });

  it('does not start in production on the secret of the example, nor on other mistakes, and tells all of them', async () => {
    const environment = {
      NODE_ENV: 'production',
      JWT_SECRET: 'your-secret-key-here',
      JWT_EXPIRES_IN: '3600',
      AP_PORT: 'x',
    };
    const { code, errors } = await run('dist/main.js', [], environment).ended;
    expect(code).toBe(1);
    for (const name of ['JWT_SECRET', 'JWT_EXPIRES_IN', 'AP_PORT', 'DATABASE_URL', 'REDIS_URL']) {
      expect(errors).toContain(`  ${name}: `);
    }
    expect(errors).not.toContain('your-secret-key-here');
  });
});

describe('motience-admin create', () => {
  // Set, so that no .env of whoever runs the tests sets them, and empty, which counts as not set.
  const noDatabase = { DATABASE_URL: '', DB_HOST: '' };

  const create = (args: string[], input = '') =>
    run('bin/motience-admin.js', ['create', ...args], { DATABASE_URL: database.url }, input).ended;

  it('makes an admin who can log in, with the password from standard input or a file', async () => {
    const file = join(folder, 'password');
    await writeFile(file, 'from a file\n');
    expect(await create(['--username', 'root1'], 'from stdin\n')).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^Created the admin root1 with id \d+\.\n$/),
    });
    expect((await create(['--username', 'root2', '--password-file', file])).code).toBe(0);

    const app = run('dist/main.js', [], serviceEnvironment());
    const { url } = await app.listening;
    for (const [username, password] of [
      ['root1', 'from stdin'],
      ['root2', 'from a file'],
    ]) {
      const { json } = await callApi(url, 'POST /login', { body: { username, password } });
      expect(tokensSchema.parse(json).user.role).toBe('admin');
    }
  });

  it('says in plain lines what is wrong', async () => {
    const fails = async (args: string[], input: string, message: string) => {
      const { code, errors } = await create(args, input);
      expect(errors).toContain(message);
      expect(errors).not.toMatch(/^\s+at /m);
      expect(code).toBe(1);
    };
    await fails([], 'long enough', '--username');
    await fails(['--username', 'x'], 'long enough', 'username: expected 3 to 64');
    await fails(['--username', 'root3'], 'short', 'password: expected 7 to 256');
    await fails(['--username', 'root3', '--password-file', '/nowhere'], '', '/nowhere');
    await fails(['--username', 'root3'], '', 'no password was given');
    await fails(['--username', 'ROOT1'], 'long enough', 'this username is taken');
    await fails(['--username', 'root3', '--password', 'long enough'], '', "unknown option '--password'");
  });

  it('finds the private PostgreSQL of the platform by its data folder', async () => {
    const dataFolder = join(folder, 'platform');
    await mkdir(dataFolder);
    await writeFile(join(dataFolder, 'database-url'), `${database.url}\n`);
    const environment = { ...noDatabase, MOTIENCE_DATA_DIR: dataFolder };
    const args = ['create', '--username', 'root4', '--password-file', '-'];
    expect((await run('bin/motience-admin.js', args, environment, 'long enough').ended).text).toContain('root4');
  });

  it('says that Motience is not running, or that nothing answers where it was told to look', async () => {
    const args = ['create', '--username', 'root3'];
    const errors = async (environment: Record<string, string>) =>
      (await run('bin/motience-admin.js', args, { ...noDatabase, ...environment }, 'long enough').ended).errors;
    const notRunning = 'Motience is not running here: start it (npm start), or set DATABASE_URL';
    expect(await errors({ MOTIENCE_DATA_DIR: folder })).toContain(notRunning);
    // What a platform that was killed leaves behind.
    const dataFolder = join(folder, 'killed-platform');
    await mkdir(dataFolder);
    await writeFile(join(dataFolder, 'database-url'), 'postgres://127.0.0.1:1/motience\n');
    expect(await errors({ MOTIENCE_DATA_DIR: dataFolder })).toContain(notRunning);
    expect(await errors({ DATABASE_URL: 'postgres://127.0.0.1:1/motience' })).toContain('does not answer');
  });
});
