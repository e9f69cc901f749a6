import {
  type Device,
  deviceSchema,
  pageSchema,
  publicUserSchema,
  Refusal,
  type Tokens,
  tokensSchema,
  type User,
  userSchema,
} from '@motience/protocol';
import { z } from 'zod';
import { EventHub } from './event-hub.ts';
import { type Fetch, type HttpRequest, request } from './http-request.ts';
import { type PageQuery, pageQueryText } from './page-query.ts';
import { isTokenRefusal, type TokenSource } from './token-source.ts';

export interface SessionEvents {
  /** The tokens were renewed: keep these instead of the former ones. */
  renewed(tokens: Tokens): void;
  /** The session is over (logout, revoked, refresh token expired): only signing in again helps. */
  ended(refusal: Refusal | undefined): void;
}

const emptySchema = z.unknown();
const devicePageSchema = pageSchema(deviceSchema);
const userPageSchema = pageSchema(publicUserSchema);

/** Refreshed this long before the access token ends, or at half its life if it is short. */
const refreshAheadMs = 60_000;
/** A lost reply is asked for again within the 10 s in which the server gives the same answer. */
const refreshAttempts = 3;
const refreshTimeoutMs = 3_000;

/**
 * A login: holds its tokens, renews the access token before it ends or when the server refuses it, and makes the
 * account's requests. Several callers share one renewal. Clocks may jump: only a monotonic one is used.
 */
export class Session implements TokenSource {
  readonly #authUrl: string;
  readonly #fetch: Fetch;
  readonly #events = new EventHub<SessionEvents>();
  #tokens: Tokens;
  #renewAt = 0;
  #expiresAt = 0;
  #renewal: Promise<string> | undefined;
  #over: Refusal | undefined;

  constructor(authUrl: string, fetch: Fetch, tokens: Tokens) {
    this.#authUrl = authUrl;
    this.#fetch = fetch;
    this.#tokens = tokens;
    this.#schedule(tokens);
  }

  /** The account, as of the last sign-in, renewal or change made here. */
  get user(): User {
    return this.#tokens.user;
  }

  /** The current tokens, for `AuthClient.resume`. They are secrets. */
  get tokens(): Tokens {
    return this.#tokens;
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof SessionEvents>(name: Name, listener: SessionEvents[Name]): () => void {
    return this.#events.on(name, listener);
  }

  async accessToken(rejected?: string): Promise<string> {
    if (this.#over) throw this.#over;
    const usable = performance.now() < this.#renewAt && rejected !== this.#tokens.access_token;
    if (usable) return this.#tokens.access_token;
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    try {
      return await this.#renewal;
    } catch (error) {
      const stillGood = performance.now() < this.#expiresAt && rejected !== this.#tokens.access_token && !this.#over;
      if (stillGood) return this.#tokens.access_token;
      throw error;
    }
  }

  /** Makes a request as this account; renews the token and tries once more if the service says 401. */
  async request<Schema extends z.ZodType>(call: HttpRequest, schema: Schema): Promise<z.infer<Schema>> {
    const accessToken = await this.accessToken();
    try {
      return await request(this.#fetch, { ...call, accessToken }, schema);
    } catch (error) {
      if (!isTokenRefusal(error)) throw error;
      return request(this.#fetch, { ...call, accessToken: await this.accessToken(accessToken) }, schema);
    }
  }

  /** The account as the server has it now. */
  async me(): Promise<User> {
    return this.#keepUser(await this.request({ method: 'GET', url: `${this.#authUrl}/me` }, userSchema));
  }

  async rename(name: string): Promise<User> {
    const call = { method: 'PUT', url: `${this.#authUrl}/me/name`, body: { name } } as const;
    return this.#keepUser(await this.request(call, userSchema));
  }

  /** Changes the password; every other session of the account ends. */
  async changePassword(currentPassword: string, newPassword: string): Promise<void> {
    const body = { current_password: currentPassword, new_password: newPassword };
    await this.request({ method: 'PUT', url: `${this.#authUrl}/me/password`, body }, emptySchema);
  }

  /** One page of all producers. */
  producers(query: PageQuery = {}) {
    return this.request({ method: 'GET', url: `${this.#authUrl}/producers${pageQueryText(query)}` }, userPageSchema);
  }

  /** One page of the consumers this account may see. */
  consumers(query: PageQuery = {}) {
    return this.request({ method: 'GET', url: `${this.#authUrl}/consumers${pageQueryText(query)}` }, userPageSchema);
  }

  /** One page of the producer's own devices. */
  devices(query: PageQuery = {}) {
    return this.request({ method: 'GET', url: `${this.#authUrl}/devices${pageQueryText(query)}` }, devicePageSchema);
  }

  /** Adds a device; `conflict` if the producer already has one of that name. */
  addDevice(device: { device_id: string; name?: string }): Promise<Device> {
    return this.request({ method: 'POST', url: `${this.#authUrl}/devices`, body: device }, deviceSchema);
  }

  /** Removes a device and cuts it off. */
  async removeDevice(deviceId: string): Promise<void> {
    const url = `${this.#authUrl}/devices/${encodeURIComponent(deviceId)}`;
    await this.request({ method: 'DELETE', url }, emptySchema);
  }

  /** Ends the session: its tokens stop working and its open sockets are cut. */
  async logout(): Promise<void> {
    await this.request({ method: 'POST', url: `${this.#authUrl}/logout` }, emptySchema);
    this.#end(undefined);
  }

  async #renew(): Promise<string> {
    const body = { refresh_token: this.#tokens.refresh_token };
    const call = { method: 'POST', url: `${this.#authUrl}/refresh`, body, timeoutMs: refreshTimeoutMs } as const;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const tokens = await request(this.#fetch, call, tokensSchema);
        this.#tokens = tokens;
        this.#schedule(tokens);
        this.#events.emit('renewed', tokens);
        return tokens.access_token;
      } catch (error) {
        if (isTokenRefusal(error)) this.#end(error);
        const replyLost = error instanceof Refusal && error.kind === 'unavailable';
        if (!replyLost || attempt === refreshAttempts) throw error;
      }
    }
  }

  #schedule(tokens: Tokens): void {
    const lifeMs = tokens.expires_in * 1000;
    this.#expiresAt = performance.now() + lifeMs;
    this.#renewAt = performance.now() + Math.max(lifeMs - refreshAheadMs, lifeMs / 2);
  }

  #keepUser(user: User): User {
    this.#tokens = { ...this.#tokens, user };
    return user;
  }

  #end(refusal: Refusal | undefined): void {
    if (this.#over) return;
    this.#over = refusal ?? new Refusal('unauthenticated', 'signed out');
    this.#events.emit('ended', refusal);
  }
}
