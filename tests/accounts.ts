/** Accounts made over HTTP, as anyone would. */
import { randomBytes } from 'node:crypto';
import type { ServicesUnderTest } from './services-under-test.ts';

/** Where the HTTP services are. */
type Services = Pick<ServicesUnderTest, 'httpUrl'>;

export interface Account {
  id: string;
  username: string;
  password: string;
  token: string;
  refreshToken: string;
}

export interface Reply {
  status: number;
  body: Record<string, unknown>;
}

interface Asked {
  method?: string;
  token?: string;
  body?: unknown;
  /** Rejects if there is no answer by then. */
  timeoutMs?: number;
}

/** One HTTP request with a JSON body and a bearer token, if given. */
export async function request(url: string, { method = 'GET', token, body, timeoutMs }: Asked = {}): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

/** Registers an account and logs it in. */
export async function signUp(
  services: Services,
  role: 'producer' | 'consumer',
  deviceIds: readonly string[] = [],
): Promise<Account> {
  const auth = services.httpUrl('auth-api');
  const username = `${role}-${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('base64url');
  const registered = await request(`${auth}/register`, { method: 'POST', body: { username, password, role } });
  if (registered.status !== 201) throw new Error(`register: ${JSON.stringify(registered)}`);
  const login = await request(`${auth}/login`, { method: 'POST', body: { username, password } });
  if (login.status !== 200) throw new Error(`login: ${JSON.stringify(login)}`);
  const token = String(login.body.access_token);
  for (const device_id of deviceIds) {
    const device = await request(`${auth}/devices`, { method: 'POST', token, body: { device_id } });
    if (device.status !== 201) throw new Error(`device: ${JSON.stringify(device)}`);
  }
  return {
    id: String(registered.body.id),
    username,
    password,
    token,
    refreshToken: String(login.body.refresh_token),
  };
}

/** Subscribes a consumer to a producer. */
export async function subscribe(services: Services, consumer: Account, producer: Account): Promise<void> {
  const url = `${services.httpUrl('subscription-manager')}/subscribe`;
  const reply = await request(url, { method: 'POST', token: consumer.token, body: { producer_id: producer.id } });
  if (reply.status !== 201) throw new Error(`subscribe: ${JSON.stringify(reply)}`);
}
