import { Refusal } from '@motience/protocol';
import { AuthClient, isTokenRefusal, type Session, type TokenSource } from '@motience/sdk';

export interface SignInOptions {
  authUrl: string;
  username: string;
  password: string;
  deviceId: string;
  /** Make the account and the device if they are missing. */
  register: boolean;
}

/**
 * Tokens for a device that knows its password: signs in when it first needs one, and again when its session was ended
 * (revoked, or unused for too long). Before a token is given out, the account is known to own the device, so that no
 * reading is refused for good only because a name was mistyped.
 */
export class SignIn implements TokenSource {
  readonly #options: SignInOptions;
  readonly #auth: AuthClient;
  #session: Session | undefined;
  #signingIn: Promise<Session> | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#auth = new AuthClient({ authUrl: options.authUrl });
  }

  async accessToken(rejected?: string): Promise<string> {
    const session = this.#session;
    if (session) {
      try {
        return await session.accessToken(rejected);
      } catch (error) {
        if (!isTokenRefusal(error)) throw error;
        if (this.#session === session) this.#session = undefined;
      }
    }
    this.#signingIn ??= this.#signIn().finally(() => {
      this.#signingIn = undefined;
    });
    this.#session = await this.#signingIn;
    return this.#session.accessToken();
  }

  async #signIn(): Promise<Session> {
    const session = await this.#loginOrRegister();
    if (session.user.role !== 'producer') {
      throw stop(`${this.#options.username} is a ${session.user.role}: only a producer has devices`);
    }
    await this.#ensureDevice(session);
    return session;
  }

  async #loginOrRegister(): Promise<Session> {
    const { username, password, deviceId, register } = this.#options;
    try {
      return await this.#auth.login({ username, password });
    } catch (error) {
      if (!register || !isTokenRefusal(error)) throw error;
    }
    try {
      await this.#auth.register({ username, password, role: 'producer', device_id: deviceId });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.kind === 'conflict') throw stop(`the account ${username} exists, and the password is not its password`);
      if (error.kind === 'invalid-request') throw stop(error.message);
      throw error;
    }
    return this.#auth.login({ username, password });
  }

  async #ensureDevice(session: Session): Promise<void> {
    const { deviceId, username, register } = this.#options;
    if (register) {
      await session.addDevice({ device_id: deviceId }).catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.kind !== 'conflict') throw error;
      });
      return;
    }
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<Session['devices']>> = await session.devices({ limit: 200, cursor });
      if (page.items.some(({ device_id }) => device_id === deviceId)) return;
      cursor = page.next_cursor;
    } while (cursor !== null);
    throw stop(`${username} has no device ${deviceId}: add it, or start with --register`);
  }
}

/** A refusal that waiting cannot mend, so that the client stops instead of trying again. */
function stop(message: string): Refusal {
  return new Refusal('unauthenticated', message);
}
