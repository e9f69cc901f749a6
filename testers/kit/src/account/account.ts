import { Refusal, type RegisterRequest, type Role } from '@motience/protocol';
import { AuthClient, type Session } from '@motience/sdk';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Credentials } from '../page-config.ts';

export type AccountState = { phase: 'signed-out'; notice?: string } | { phase: 'signed-in'; session: Session };

/** Who uses the page. Tokens live in memory only: a reload signs out. */
export class Account {
  readonly #auth: AuthClient;
  readonly #state = signal<AccountState>({ phase: 'signed-out' });
  readonly role: Exclude<Role, 'admin'>;

  constructor(authUrl: string, role: Exclude<Role, 'admin'>) {
    this.#auth = new AuthClient({ authUrl });
    this.role = role;
  }

  get state(): ReadonlySignal<AccountState> {
    return this.#state;
  }

  /** Rejects with a `Refusal`; `forbidden` for an account of the other role. */
  async signIn(credentials: Credentials): Promise<void> {
    const session = await this.#auth.login(credentials);
    const { role } = session.user;
    if (role !== this.role) {
      await session.logout().catch(() => {});
      throw new Refusal('forbidden', `This page is for ${this.role}s; ${session.user.username} is a ${role}.`);
    }
    session.on('ended', (refusal) => {
      const notice = refusal && `You were signed out: ${refusal.message}.`;
      this.#state.value = notice === undefined ? { phase: 'signed-out' } : { phase: 'signed-out', notice };
    });
    this.#state.value = { phase: 'signed-in', session };
  }

  /** Makes an account of the page's role and signs in to it. */
  async register(account: Omit<RegisterRequest, 'role'>): Promise<void> {
    await this.#auth.register({ ...account, role: this.role });
    await this.signIn({ username: account.username, password: account.password });
  }

  /** Signs out here in any case, and on the server if it can be reached. */
  async signOut(): Promise<void> {
    const state = this.#state.value;
    if (state.phase !== 'signed-in') return;
    await state.session.logout().catch(() => {});
    this.#state.value = { phase: 'signed-out' };
  }
}
