import type { Refusal } from '@motience/protocol';
import type { Entitlement } from '@motience/stream-log';
import type { AccessClaims } from '@motience/tokens';

/** When what a socket was opened with expires, in ms since 1970. */
export interface Expiry {
  readonly of: 'access token' | 'API key';
  readonly at: number;
}

export function expiryOf({ exp, scopes }: Pick<AccessClaims, 'exp' | 'scopes'>): Expiry {
  return { of: scopes ? 'API key' : 'access token', at: exp * 1_000 };
}

/** A socket whose rights are checked while it is open. */
export interface OpenSocket {
  readonly sessionId: string;
  readonly expiry: Expiry;
  /** Whether it was told of that beforehand. */
  warnedOfExpiry: boolean;
  /** Sends an error frame; the socket stays open. */
  warn(refusal: Refusal): void;
  /** Tells why and closes. */
  refuse(refusal: Refusal): void;
  /** Its account may now use this device, or receive this producer. */
  granted(item: string): void;
  /** Its account may no longer use this device, or receive this producer. */
  withdrawn(item: string): void;
  /** Without a break, what it receives of this producer counts for another subscription, or for none any more. */
  recounted(item: string): void;
}

/** An account with sockets in this process. `items` are its device_ids, or the producers it is subscribed to. */
export class OpenAccount {
  readonly sockets = new Set<OpenSocket>();
  private changeCount = 0;

  constructor(
    readonly id: string,
    private readonly current: Map<string, Entitlement>,
  ) {}

  get items(): ReadonlyMap<string, Entitlement> {
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
  grant(item: string, entitlement: Entitlement): void {
    const held = this.current.get(item);
    const isKept = held?.since === entitlement.since;
    if (isKept && held.subscriptionId === entitlement.subscriptionId) return;
    if (!isKept) this.withdraw(item);
    this.current.set(item, entitlement);
    this.changeCount += 1;
    for (const socket of [...this.sockets]) {
      if (isKept) socket.recounted(item);
      else socket.granted(item);
    }
  }

  withdraw(item: string): void {
    if (!this.current.delete(item)) return;
    this.changeCount += 1;
    for (const socket of [...this.sockets]) socket.withdrawn(item);
  }

  /** Makes `items` exactly these. */
  replaceItems(items: ReadonlyMap<string, Entitlement>): void {
    for (const item of [...this.current.keys()]) if (!items.has(item)) this.withdraw(item);
    for (const [item, entitlement] of items) this.grant(item, entitlement);
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
  enter(accountId: string, items: ReadonlyMap<string, Entitlement>): OpenAccount {
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
