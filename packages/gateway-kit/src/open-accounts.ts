import type { Refusal } from '@motience/protocol';

/** A socket whose rights are checked while it is open. */
export interface OpenSocket {
  readonly sessionId: string;
  /** When its token expires, in ms since 1970. */
  readonly expiresAt: number;
  /** Whether it was told that its token is about to expire. */
  warnedOfExpiry: boolean;
  /** Sends an error frame; the socket stays open. */
  warn(refusal: Refusal): void;
  /** Tells why and closes. */
  refuse(refusal: Refusal): void;
  /** Its account may now use this device, or receive this producer. */
  granted(item: string): void;
  /** Its account may no longer use this device, or receive this producer. */
  withdrawn(item: string): void;
}

/**
 * An account with sockets in this process. `items` are its device_ids, with 0, or the producers it is subscribed to, with
 * since when, in ms since 1970.
 */
export class OpenAccount {
  readonly sockets = new Set<OpenSocket>();
  private changeCount = 0;

  constructor(
    readonly id: string,
    private readonly current: Map<string, number>,
  ) {}

  get items(): ReadonlyMap<string, number> {
    return this.current;
  }

  /** Grows with every change of the items, and with every one that was heard of. */
  get changes(): number {
    return this.changeCount;
  }

  /** A change was heard of; it may be none to the items held here, but is one to those that are just being read. */
  hearChange(): void {
    this.changeCount += 1;
  }

  /** With another `since` than before, the subscription had ended in between: it is withdrawn and granted anew. */
  grant(item: string, since: number): void {
    if (this.current.get(item) === since) return;
    this.withdraw(item);
    this.current.set(item, since);
    this.changeCount += 1;
    for (const socket of [...this.sockets]) socket.granted(item);
  }

  withdraw(item: string): void {
    if (!this.current.delete(item)) return;
    this.changeCount += 1;
    for (const socket of [...this.sockets]) socket.withdrawn(item);
  }

  /** Makes `items` exactly these. */
  replaceItems(items: ReadonlyMap<string, number>): void {
    for (const item of [...this.current.keys()]) if (!items.has(item)) this.withdraw(item);
    for (const [item, since] of items) this.grant(item, since);
  }
}

/** The accounts that have sockets open in this process. */
export class OpenAccounts {
  private readonly accounts = new Map<string, OpenAccount>();

  get(accountId: string): OpenAccount | undefined {
    return this.accounts.get(accountId);
  }

  all(): OpenAccount[] {
    return [...this.accounts.values()];
  }

  countSockets(accountId: string): number {
    return this.accounts.get(accountId)?.sockets.size ?? 0;
  }

  /** The account a socket is about to open for, with the rights just read. */
  enter(accountId: string, items: ReadonlyMap<string, number>): OpenAccount {
    const open = this.accounts.get(accountId);
    if (open) {
      open.replaceItems(items);
      return open;
    }
    const account = new OpenAccount(accountId, new Map(items));
    this.accounts.set(accountId, account);
    return account;
  }

  leave(account: OpenAccount, socket: OpenSocket): void {
    account.sockets.delete(socket);
    if (account.sockets.size === 0) this.accounts.delete(account.id);
  }

  *sockets(): Generator<OpenSocket> {
    for (const account of this.accounts.values()) yield* account.sockets;
  }
}
