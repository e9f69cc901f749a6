import { users } from '@motience/database';
import { Refusal } from '@motience/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { balanceOf } from './balance-of.ts';
import { checkBooks } from './check-books.ts';
import { capture, hold, release } from './holds.ts';
import type { HoldAccount, LedgerAccount } from './ledger-account.ts';
import { micros } from './money.ts';
import { type Posted, post } from './post.ts';
import { reverse } from './reverse.ts';
import { openTestLedger, type TestLedger } from './testing/open-ledger.ts';

let ledger: TestLedger;
let round = 0;

beforeAll(async () => {
  ledger = await openTestLedger({ maxConnections: 8 });
});

afterAll(() => ledger.close());

const key = fc.integer({ min: 0, max: 11 });
const amount = fc.bigInt({ min: 1n, max: 40n });
const which = fc.constantFrom('one', 'other');
const step = fc.oneof(
  fc.record({ do: fc.constant('top-up' as const), key, amount: amount.map((value) => value * 2n) }),
  fc.record({ do: fc.constant('hold' as const), key, amount, which }),
  fc.record({ do: fc.constant('capture' as const), key, amount, which }),
  fc.record({ do: fc.constant('release' as const), key, amount, which }),
  fc.record({ do: fc.constant('refund' as const), key, amount }),
  fc.record({ do: fc.constant('payout' as const), key, amount }),
  fc.record({ do: fc.constant('reverse' as const), key, of: key }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const steps = fc.array(step, { minLength: 5, maxLength: 30 });

type Name = 'provider' | 'wallet' | 'one' | 'other' | 'earnings' | 'payout';
type Change = Partial<Record<Name, bigint>>;
const names: readonly Name[] = ['provider', 'wallet', 'one', 'other', 'earnings', 'payout'];

/** What a step other than a reversal moves. */
function changeOf(taken: Exclude<Step, { do: 'reverse' }>): Change {
  const { amount } = taken;
  switch (taken.do) {
    case 'top-up':
      return { provider: -amount, wallet: amount };
    case 'hold':
      return { wallet: -amount, [taken.which]: amount };
    case 'capture':
      return { [taken.which]: -amount, earnings: amount };
    case 'release':
      return { [taken.which]: -amount, wallet: amount };
    case 'refund':
      return { earnings: -amount, wallet: amount };
    case 'payout':
      return { earnings: -amount, payout: amount };
  }
}

/** Books as a child would keep them: balances, and a list of what was done under which key. */
class Model {
  readonly balances = new Map<Name, bigint>();
  private readonly done = new Map<number, { said: string; change: Change; reversed: boolean }>();

  take(taken: Step): string {
    const reversed = taken.do === 'reverse' ? this.done.get(taken.of) : undefined;
    if (taken.do === 'reverse' && !reversed) return 'not-found';
    const change = taken.do === 'reverse' ? negate(reversed?.change ?? {}) : changeOf(taken);
    const said = [taken.do, 'of' in taken ? taken.of : '', names.map((name) => change[name])].join();
    const known = this.done.get(taken.key);
    if (known) return known.said === said ? 'already-posted' : 'conflict';
    if (reversed?.reversed) return 'conflict';
    const guarded = new Set<Name>([
      'wallet',
      'one',
      'other',
      'payout',
      ...(taken.do === 'payout' ? ['earnings' as const] : []),
    ]);
    const after = names.map((name) => [name, this.balance(name) + (change[name] ?? 0n)] as const);
    if (after.some(([name, balance]) => guarded.has(name) && balance < 0n)) return 'payment-required';
    for (const [name, balance] of after) this.balances.set(name, balance);
    this.done.set(taken.key, { said, change, reversed: false });
    if (reversed) reversed.reversed = true;
    return 'posted';
  }

  balance(name: Name): bigint {
    return this.balances.get(name) ?? 0n;
  }
}

function negate(change: Change): Change {
  const negated: Change = {};
  for (const name of names) if (change[name]) negated[name] = -change[name];
  return negated;
}

/** Takes steps on the ledger, with accounts and keys that nobody has used before. */
async function openRound() {
  round += 1;
  const prefix = `round ${round}, key `;
  const [user] = await ledger.db
    .insert(users)
    .values({ username: `user-${round}`, role: 'consumer', passwordHash: 'x' })
    .returning({ id: users.id });
  const owned = { ownerId: user?.id ?? 0n, currency: 'EUR' as const };
  const held = (name: string): HoldAccount => ({ kind: 'hold', ...owned, name });
  const accounts: Record<Name, LedgerAccount> = {
    provider: { kind: 'provider', currency: 'EUR', name: `provider ${round}` },
    wallet: { kind: 'wallet', ...owned },
    one: held('one'),
    other: held('other'),
    earnings: { kind: 'earnings', ...owned },
    payout: held('payout'),
  };
  const ids = new Map<number, bigint>();

  function carryOut(taken: Step): Promise<Posted> {
    const key = prefix + taken.key;
    if (taken.do === 'reverse') return reverse(ledger.db, { key, transactionId: ids.get(taken.of) ?? 0n });
    const amount = micros(taken.amount);
    switch (taken.do) {
      case 'hold':
        return hold(ledger.db, { key, hold: held(taken.which), amount });
      case 'capture':
        return capture(ledger.db, { key, hold: held(taken.which), to: [{ account: accounts.earnings, amount }] });
      case 'release':
        return release(ledger.db, { key, hold: held(taken.which), amount });
      case 'payout':
        return hold(ledger.db, { key, hold: held('payout'), amount, of: 'earnings' });
      default: {
        const change = changeOf(taken);
        const entries = names.map((name) => ({ account: accounts[name], amount: change[name] ?? 0n }));
        return post(ledger.db, { key, kind: taken.do, entries });
      }
    }
  }

  return {
    async take(taken: Step): Promise<string> {
      try {
        const { status, transactionId } = await carryOut(taken);
        ids.set(taken.key, transactionId);
        return status;
      } catch (error) {
        if (error instanceof Refusal) return error.kind;
        throw error;
      }
    },
    balance: (name: Name) => balanceOf(ledger.db, accounts[name]),
  };
}

it('whatever is posted, held, captured, released, reversed and repeated, the books are those of the model', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const model = new Model();
      const books = await openRound();
      for (const next of taken) expect([next, await books.take(next)]).toEqual([next, model.take(next)]);
      for (const name of names) expect([name, await books.balance(name)]).toEqual([name, model.balance(name)]);
      expect((await checkBooks(ledger.db)).mismatch).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});

it('whatever happens at once, the books are in order and balances are what was posted', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.bigInt({ min: 0n, max: 100n }), steps, async (funds, taken) => {
      const books = await openRound();
      const first: Step = { do: 'top-up', key: 99, amount: funds + 1n };
      const atOnce = taken.filter((next) => next.do !== 'reverse');
      await books.take(first);
      const outcomes = await Promise.all(atOnce.map(async (next) => ({ next, outcome: await books.take(next) })));
      const posted = [first, ...outcomes.filter(({ outcome }) => outcome === 'posted').map(({ next }) => next)];
      for (const name of names) {
        const sum = posted.reduce((total, next) => total + (changeOf(next)[name] ?? 0n), 0n);
        expect([name, await books.balance(name)]).toEqual([name, sum]);
      }
      expect((await checkBooks(ledger.db)).mismatch).toBeUndefined();
    }),
    { numRuns: 15 },
  );
});
