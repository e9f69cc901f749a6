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

/** An account with sockets in this process. `items` are its device_ids or the producers it is subscribed to. */
export class OpenAccount {
  readonly sockets = new Set<OpenSocket>();

  constructor(
    readonly id: string,
    private readonly current: Set<string>,
  ) {}

  get items(): ReadonlySet<string> {
    return this.current;
  }

  grant(item: string): void {
    if (this.current.has(item)) return;
    this.current.add(item);
    for (const socket of [...this.sockets]) socket.granted(item);
  }

  withdraw(item: string): void {
    if (!this.current.delete(item)) return;
    for (const socket of [...this.sockets]) socket.withdrawn(item);
  }

  /** Makes `items` exactly these. */
  replaceItems(items: ReadonlySet<string>): void {
    for (const item of [...this.current]) if (!items.has(item)) this.withdraw(item);
    for (const item of items) this.grant(item);
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
  enter(accountId: string, items: Set<string>): OpenAccount {
    const open = this.accounts.get(accountId);
    if (open) {
      open.replaceItems(items);
      return open;
    }
    const account = new OpenAccount(accountId, items);
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
