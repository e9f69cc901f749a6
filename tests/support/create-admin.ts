import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { request } from '../accounts.ts';
import type { ServicesUnderTest } from '../services-under-test.ts';

const command = fileURLToPath(new URL('../../apps/auth-api/bin/motience-admin.js', import.meta.url));

/** Makes an admin as one does on the server, by `motience-admin create`, and logs it in. */
export async function createAdmin(
  services: Pick<ServicesUnderTest, 'httpUrl' | 'databaseUrl'>,
): Promise<{ token: string }> {
  const username = `admin-${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('base64url');
  const child = spawn(process.execPath, [command, 'create', '--username', username, '--password-file', '-'], {
    env: { ...process.env, DATABASE_URL: services.databaseUrl },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(`${password}\n`);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`motience-admin ended with ${code}`);
  const login = await request(`${services.httpUrl('auth-api')}/login`, {
    method: 'POST',
    body: { username, password },
  });
  if (login.status !== 200) throw new Error(`login: ${JSON.stringify(login)}`);
  return { token: String(login.body.access_token) };
}
