/** Accounts in the database of an HTTP API that is tested by itself, and calls to it. */
import { randomUUID } from 'node:crypto';
import { type Database, sessions, users } from '../../packages/database/dist/index.js';
import { errorBodySchema, type Role } from '../../packages/protocol/dist/index.js';
import { issueToken, secretSigningKey } from '../../packages/tokens/dist/index.js';

/** Signs the tokens of these accounts. */
export const jwtSecret = 'a secret of the tests, long enough for anyone';

const hourMs = 3_600_000;

export interface ApiAccount {
  readonly id: string;
  readonly username: string;
  readonly sessionId: string;
  readonly token: string;
}

export interface ApiCall {
  readonly token?: string | undefined;
  /** Text is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiReply {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined for an empty body. */
  readonly json: unknown;
}

/** A session of an account, and an access token of it. */
export async function signIn(
  { db }: Database,
  accountId: string,
  role: Role,
): Promise<{ sessionId: string; token: string }> {
  const sessionId = randomUUID();
  const expiresAt = new Date(Date.now() + hourMs);
  await db.insert(sessions).values({ id: sessionId, userId: BigInt(accountId), expiresAt });
  return { sessionId, token: await issueToken(secretSigningKey(jwtSecret), { accountId, role, sessionId }, 600) };
}

/** A new account, signed in. */
export async function addAccount(database: Database, role: Role): Promise<ApiAccount> {
  const username = `${role}-${randomUUID().slice(0, 8)}`;
  const [row] = await database.db
    .insert(users)
    .values({ username, passwordHash: '-', role })
    .returning({ id: users.id });
  const id = String(row?.id);
  return { id, username, ...(await signIn(database, id, role)) };
}

/** Calls `POST /path` of an API. */
export async function fetchApi(url: string, route: string, { token, body, headers }: ApiCall = {}): Promise<Response> {
  const [method = 'GET', path = '/'] = route.split(' ');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
}

/** The same, with what was answered. */
export async function callApi(url: string, route: string, call: ApiCall = {}): Promise<ApiReply> {
  const response = await fetchApi(url, route, call);
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
}

/** Status, kind and message of a refusal, and the paths of its field errors. */
export function refusal({ status, json }: Pick<ApiReply, 'status' | 'json'>) {
  const { kind, message, details } = errorBodySchema.parse(json).error;
  return { status, kind, message, paths: (details ?? []).map(({ path }) => path) };
}
