import type { WalletLine } from '@motience/protocol';
import { amountOf } from '@motience/testers-kit';

const mostSeen = 2_000;

/**
 * What was charged for each subscription since a wallet was first looked at, from the lines of the wallet: each counts
 * once, however often it is read.
 */
export class SessionCosts {
  readonly #charged = new Map<string, bigint>();
  readonly #seen = new Set<string>();
  #begin: bigint | undefined;

  /**
   * Takes a page of lines, newest first; the first one only says where counting begins. Returns whether older ones may
   * be new as well, and the credits among the new ones.
   */
  take(lines: readonly WalletLine[]): { mayHaveMore: boolean; credited: bigint } {
    if (this.#begin === undefined) {
      this.#begin = BigInt(lines[0]?.id ?? '0');
      return { mayHaveMore: false, credited: 0n };
    }
    const begin = this.#begin;
    const fresh = lines.filter(({ id }) => BigInt(id) > begin && !this.#seen.has(id));
    let credited = 0n;
    for (const { id, amount, subscription_id } of fresh) {
      this.#see(id);
      const change = amountOf(amount);
      if (subscription_id === null) credited += change > 0n ? change : 0n;
      else this.#charged.set(subscription_id, this.ofSubscription(subscription_id) - change);
    }
    return { mayHaveMore: fresh.length === lines.length && lines.length > 0, credited };
  }

  /** Of all subscriptions, in micro-units. */
  get total(): bigint {
    return [...this.#charged.values()].reduce((total, amount) => total + amount, 0n);
  }

  /** Micro-units; what was given back is taken off. */
  ofSubscription(subscriptionId: string): bigint {
    return this.#charged.get(subscriptionId) ?? 0n;
  }

  /** The newest are all that can come again. */
  #see(id: string): void {
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (this.#seen.size > mostSeen && oldest !== undefined) this.#seen.delete(oldest);
  }
}
