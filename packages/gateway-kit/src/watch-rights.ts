import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import type { Right, RightsStore } from '@motience/stream-log';
import type { Redis } from 'ioredis';
import type { OpenAccount, OpenAccounts, OpenSocket } from './open-accounts.ts';

const accountsReadAtOnce = 100;

/**
 * Keeps the rights of open accounts as Redis has them. Every change is read back rather than believed, so the last word
 * is always what stands in Redis; after the connection was lost everything is read again.
 */
export class RightsWatch {
  /** Accounts of sockets that are being admitted, and whether a change came in between. */
  private readonly admissions = new Set<{ accountId: string; overtaken: boolean }>();

  constructor(
    private readonly kind: 'device' | 'subscription',
    private readonly rights: RightsStore,
    private readonly accounts: OpenAccounts,
    private readonly logger: Logger,
  ) {}

  /** Begins to watch over `subscriber`. `onStale` is called when rights may be out of date, `onFresh` when they are not. */
  async start(subscriber: Redis, onStale = () => {}, onFresh = () => {}): Promise<void> {
    await this.rights.watch(subscriber, (right) => {
      (right ? this.readAgain(right) : this.readAllAgain()).catch(this.warn);
    });
    let losses = 0;
    subscriber.on('close', () => {
      losses += 1;
      onStale();
    });
    subscriber.on('ready', () => {
      const seen = losses;
      this.rights
        .rewatch(subscriber)
        .then(() => this.readAllAgain())
        .then(() => seen === losses && onFresh())
        .catch(this.warn);
    });
  }

  /** To be called before the rights of a socket that wants to open are read. */
  beginAdmission(accountId: string): { overtaken(): boolean; end(): void } {
    const admission = { accountId, overtaken: false };
    this.admissions.add(admission);
    return { overtaken: () => admission.overtaken, end: () => this.admissions.delete(admission) };
  }

  /** Begins to watch an admitted socket that is now open. */
  watchSocket(account: OpenAccount, socket: OpenSocket, admission: { overtaken(): boolean; end(): void }): void {
    account.sockets.add(socket);
    admission.end();
    if (admission.overtaken()) this.readAccountAgain(account).catch(this.warn);
  }

  /** Reads everything one account's sockets stand on. */
  async readAccountAgain(account: OpenAccount): Promise<void> {
    for (const sessionId of new Set([...account.sockets].map((socket) => socket.sessionId))) {
      const read = await this.rights.read(this.kind, account.id, sessionId);
      if (read === undefined) return;
      if (!read.sessionIsLive) endSession(account, sessionId);
      account.replaceItems(read.items);
    }
  }

  private async readAgain(right: Right): Promise<void> {
    for (const admission of this.admissions) if (admission.accountId === right.accountId) admission.overtaken = true;
    const account = this.accounts.get(right.accountId);
    if (!account || (right.kind !== this.kind && right.kind !== 'session')) return;
    const exists = await this.rights.has(right);
    if (right.kind === 'session') {
      if (!exists) endSession(account, right.item);
    } else if (exists) account.grant(right.item);
    else account.withdraw(right.item);
  }

  private async readAllAgain(): Promise<void> {
    for (const admission of this.admissions) admission.overtaken = true;
    const accounts = this.accounts.all();
    for (let at = 0; at < accounts.length; at += accountsReadAtOnce) {
      const some = accounts.slice(at, at + accountsReadAtOnce);
      await Promise.all(some.map((account) => this.readAccountAgain(account)));
    }
  }

  private readonly warn = (error: unknown) => this.logger.warn({ err: error }, 'rights could not be read');
}

function endSession(account: OpenAccount, sessionId: string): void {
  for (const socket of [...account.sockets]) {
    if (socket.sessionId === sessionId)
      socket.refuse(new Refusal('unauthenticated', 'this session has ended: log in again'));
  }
}
