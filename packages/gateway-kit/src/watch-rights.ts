import { setTimeout } from 'node:timers/promises';
import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import type { AccountRights, Right, RightsStore, Subscriber } from '@motience/stream-log';
import type { OpenAccount, OpenAccounts, OpenSocket } from './open-accounts.ts';

const accountsReadAtOnce = 100;
const retryMs = 500;

/** Most readings for sockets that want to open that may wait for Redis, those included that nobody waits for any more. */
const maxUnanswered = 10_000;

/** A socket that is being admitted. */
interface Admitting {
  /** Whether a right of its account may have changed since its rights were begun to be read. */
  overtaken: boolean;
}

/**
 * Keeps the rights of open accounts as Redis has them. Every change is read back rather than believed, so the last word
 * is always what stands in Redis; after the connection was lost, or a change could not be read back, everything is read
 * again, until that succeeds.
 */
export class RightsWatch {
  /** Sockets that are being admitted, by account. */
  private readonly admissions = new Map<string, Set<Admitting>>();
  private onStale = () => {};
  private onFresh = () => {};
  /** Grows with whatever makes a reading of everything that is under way insufficient. */
  private round = 0;
  private unanswered = 0;

  constructor(
    private readonly kind: 'device' | 'subscription',
    private readonly rights: RightsStore,
    private readonly subscriber: Subscriber,
    private readonly accounts: OpenAccounts,
    private readonly logger: Logger,
  ) {}

  /** Begins to watch. `onStale` is called when rights may be out of date, `onFresh` once all were read completely. */
  async start(onStale = () => {}, onFresh = () => {}): Promise<void> {
    this.onStale = onStale;
    this.onFresh = onFresh;
    await this.rights.watch(this.subscriber, {
      onChange: (right) => {
        if (right) this.readAgain(right).catch(this.distrust);
        else void this.readAllUntilFresh();
      },
      onLost: () => {
        this.round += 1;
        this.onStale();
      },
      onBack: () => void this.readAllUntilFresh(),
    });
  }

  /** What is known may be out of date: nothing is delivered on it until everything was read again. */
  readAgainFirst(): void {
    this.onStale();
    void this.readAllUntilFresh();
  }

  /** How many sockets of an account are being admitted. */
  countAdmissions(accountId: string): number {
    return this.admissions.get(accountId)?.size ?? 0;
  }

  /**
   * Reads what a socket that wants to open may do, again whenever a change was heard meanwhile: no change is heard
   * between the answer and what is done at once with it. Undefined while Redis does not hold all of it. Throws a
   * Refusal while Redis is away, or too many wait for it. Counts as being admitted until `end` is called.
   */
  beginAdmission(accountId: string, sessionId: string): { rights: Promise<AccountRights | undefined>; end(): void } {
    if (!this.rights.isConnected || this.unanswered >= maxUnanswered) throw redisDoesNotAnswer();
    const admission: Admitting = { overtaken: false };
    const ofAccount = this.admissions.get(accountId) ?? new Set();
    this.admissions.set(accountId, ofAccount.add(admission));
    const end = () => {
      ofAccount.delete(admission);
      if (ofAccount.size === 0 && this.admissions.get(accountId) === ofAccount) this.admissions.delete(accountId);
    };
    const readUnovertaken = async () => {
      for (;;) {
        admission.overtaken = false;
        const read = await this.rights.read(this.kind, accountId, sessionId);
        if (!admission.overtaken || !ofAccount.has(admission)) return read;
      }
    };
    this.unanswered += 1;
    const rights = readUnovertaken().finally(() => {
      this.unanswered -= 1;
    });
    return { rights, end };
  }

  /** Begins to watch an admitted socket that is now open. */
  watchSocket(account: OpenAccount, socket: OpenSocket, admission: { end(): void }): void {
    account.sockets.add(socket);
    admission.end();
  }

  /** Reads everything one account's sockets stand on. Rejects while Redis does not hold all of it. */
  private async readAccountAgain(account: OpenAccount): Promise<void> {
    for (const sessionId of new Set([...account.sockets].map((socket) => socket.sessionId))) {
      const read = await this.readUnchanged(account, sessionId);
      if (read === undefined) throw new Error('the rights in Redis are not complete');
      if (!read.sessionIsLive) endSession(account, sessionId);
      account.replaceItems(read.items);
    }
  }

  /** On a Redis Cluster what was read may be older than a change that was heard meanwhile: then it is read again. */
  private async readUnchanged(account: OpenAccount, sessionId: string): Promise<AccountRights | undefined> {
    for (;;) {
      const { changes } = account;
      const read = await this.rights.read(this.kind, account.id, sessionId);
      if (changes === account.changes) return read;
    }
  }

  private async readAgain(right: Right): Promise<void> {
    for (const admission of this.admissions.get(right.accountId) ?? []) admission.overtaken = true;
    const account = this.accounts.get(right.accountId);
    if (!account || (right.kind !== this.kind && right.kind !== 'session')) return;
    account.hearChange();
    if (right.kind === 'session') {
      if (!(await this.rights.has(right))) endSession(account, right.item);
      return;
    }
    const entitlement = await this.rights.entitlement(right.kind, right.accountId, right.item);
    if (entitlement === undefined) account.withdraw(right.item);
    else account.grant(right.item, entitlement);
  }

  private readonly distrust = (error: unknown) => {
    this.logger.warn({ err: error }, 'a change of rights could not be read');
    this.readAgainFirst();
  };

  /** Tries again until it succeeds, or the connection is lost, or something else makes everything be read. */
  private async readAllUntilFresh(): Promise<void> {
    this.round += 1;
    const { round } = this;
    while (round === this.round) {
      try {
        await this.readAllAgain();
        if (round === this.round) this.onFresh();
        return;
      } catch (error) {
        this.logger.warn({ err: error }, 'rights could not be read');
        await setTimeout(retryMs, undefined, { ref: false });
      }
    }
  }

  private async readAllAgain(): Promise<void> {
    for (const ofAccount of this.admissions.values()) for (const admission of ofAccount) admission.overtaken = true;
    const accounts = this.accounts.all();
    for (let at = 0; at < accounts.length; at += accountsReadAtOnce) {
      const some = accounts.slice(at, at + accountsReadAtOnce);
      await Promise.all(some.map((account) => this.readAccountAgain(account)));
    }
  }
}

export function redisDoesNotAnswer(): Refusal {
  return new Refusal('unavailable', 'Redis does not answer; try again', { retryAfterSeconds: 2 });
}

function endSession(account: OpenAccount, sessionId: string): void {
  for (const socket of [...account.sockets]) {
    if (socket.sessionId === sessionId)
      socket.refuse(new Refusal('unauthenticated', 'this session has ended: log in again'));
  }
}
