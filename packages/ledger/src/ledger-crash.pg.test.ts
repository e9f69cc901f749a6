import { type Database, openDatabase } from '@motience/database';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { balanceOf } from './balance-of.ts';
import { checkBooks } from './check-books.ts';
import { capture, hold } from './holds.ts';
import type { HoldAccount } from './ledger-account.ts';
import { micros } from './money.ts';
import { post } from './post.ts';
import { reverse } from './reverse.ts';
import { type Relay, relayTo } from './testing/cut-connections.ts';
import { openTestLedger, type TestLedger } from './testing/open-ledger.ts';

let ledger: TestLedger;
let relay: Relay;

beforeEach(async () => {
  ledger = await openTestLedger();
  relay = await relayTo(ledger.url);
});

afterEach(async () => {
  await relay.close();
  await ledger.close();
});

/** What a consumer and a producer do: top up, hold, capture, and take that back, as it was a mistake. */
async function trade({ db }: Database, round: string): Promise<void> {
  const { wallet, provider, earnings, ids } = ledger;
  const held: HoldAccount = { kind: 'hold', ownerId: ids.consumer, currency: 'EUR', name: round };
  const entries = [
    { account: provider, amount: -10n },
    { account: wallet, amount: 10n },
  ];
  const to = [{ account: earnings, amount: micros(3n) }];
  await post(db, { key: `${round} top-up`, kind: 'top-up', entries });
  await hold(db, { key: `${round} hold`, hold: held, amount: micros(7n) });
  const { transactionId } = await capture(db, { key: `${round} capture`, hold: held, to });
  await reverse(db, { key: `${round} correction`, transactionId });
}

it.each(['request', 'reply'] as const)(
  'a connection that ends at any %s leaves books in order, and a repetition completes what was begun',
  { timeout: 120_000 },
  async (direction) => {
    let cuts = 0;
    for (let nth = 1, crashed = true; crashed; nth += 1) {
      const round = `round ${nth}`;
      const relayed = openDatabase(relay.url, { maxConnections: 1 });
      await relayed.sql`select 1`;
      relay.cutAt(direction, nth);
      const outcome = await trade(relayed, round).catch((error: unknown) => error);
      crashed = relay.endOfCutting();
      await relayed.sql.end({ timeout: 0 });
      expect(outcome !== undefined).toBe(crashed);
      if (crashed) cuts += 1;
      expect((await checkBooks(ledger.db)).mismatch).toBeUndefined();

      await trade(ledger, round);
      const accounts = [ledger.wallet, ledger.earnings, ledger.provider];
      const balances = await Promise.all(accounts.map((account) => balanceOf(ledger.db, account)));
      expect(balances).toEqual([3n * BigInt(nth), 0n, -10n * BigInt(nth)]);
    }
    // Four postings, each of which begins, looks accounts up, takes its key, posts its entries, and commits.
    expect(cuts).toBeGreaterThanOrEqual(4 * 5);
    expect((await checkBooks(ledger.db)).mismatch).toBeUndefined();
  },
);
