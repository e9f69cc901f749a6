import { type RegisterRequest, type Tokens, tokensSchema, type User, userSchema } from '@motience/protocol';
import { type Fetch, request } from './http-request.ts';
import { Session } from './session.ts';

export interface AuthClientOptions {
  /** Address of the auth API, such as `http://127.0.0.1:3001`. */
  authUrl: string;
  fetch?: Fetch;
}

/** Registration and login at the auth API. Every refusal is thrown as a `Refusal`. */
export class AuthClient {
  readonly #authUrl: string;
  readonly #fetch: Fetch;

  constructor(options: AuthClientOptions) {
    this.#authUrl = baseUrl(options.authUrl);
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
  }

  /** Makes an account; `conflict` if the name is taken. Does not sign in. */
  register(account: RegisterRequest): Promise<User> {
    return request(this.#fetch, { method: 'POST', url: `${this.#authUrl}/register`, body: account }, userSchema);
  }

  /** Signs in; `unauthenticated` if the name or the password is wrong. */
  async login(credentials: { username: string; password: string }): Promise<Session> {
    const call = { method: 'POST', url: `${this.#authUrl}/login`, body: credentials } as const;
    return this.resume(await request(this.#fetch, call, tokensSchema));
  }

  /**
   * A session from tokens kept earlier (`session.tokens`), for example across a reload of a page. How old they are is
   * not known, so the first use refreshes them if the server no longer takes them.
   */
  resume(tokens: Tokens): Session {
    return new Session(this.#authUrl, this.#fetch, tokens);
  }
}

/** A service's address without a trailing slash; throws a `TypeError` on anything but http and https. */
export function baseUrl(text: string): string {
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`expected http:// or https://, got ${text}`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
