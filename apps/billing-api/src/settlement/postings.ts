import type { Entry, HoldAccount, Transaction } from '@motience/ledger';
import type { Funds } from './funds.ts';
import { holdName } from './load-funds.ts';
import type { Meter } from './meter.ts';

function holdAccount(meter: Meter, { facts }: Funds): HoldAccount {
  const name = holdName(meter.facts.subscriptionId);
  return { kind: 'hold', ownerId: facts.consumerId, currency: facts.currency, name };
}

/** Pays what the turn charges a subscription, from its hold, to the producer and the platform; undefined if nothing. */
export function captureOf(meter: Meter, funds: Funds | undefined, turn: number): Transaction | undefined {
  const { charge, fee, facts } = meter;
  if (charge === 0n || !funds) return undefined;
  const { consumerId: ownerId, currency } = funds.facts;
  const { fromHold, fromWallet } = funds.takenFor(facts.subscriptionId);
  const entries: Entry[] = [
    { account: holdAccount(meter, funds), amount: -fromHold },
    { account: { kind: 'wallet', ownerId, currency }, amount: -fromWallet },
    { account: { kind: 'earnings', ownerId: facts.producerId, currency }, amount: charge - fee },
    { account: { kind: 'fee', currency }, amount: fee },
  ];
  return {
    key: `capture:${facts.subscriptionId}:${turn}`,
    kind: 'capture',
    entries,
    subscriptionId: BigInt(facts.subscriptionId),
  };
}

/** Sets money aside for a subscription, or gives it back if negative; undefined if nothing. */
export function holdOf(meter: Meter, funds: Funds, held: bigint, turn: number): Transaction | undefined {
  if (held === 0n) return undefined;
  const { consumerId: ownerId, currency } = funds.facts;
  const { subscriptionId } = meter.facts;
  const kind = held > 0n ? 'hold' : 'release';
  return {
    key: `${kind}:${subscriptionId}:${turn}`,
    kind,
    entries: [
      { account: { kind: 'wallet', ownerId, currency }, amount: -held },
      { account: holdAccount(meter, funds), amount: held },
    ],
    subscriptionId: BigInt(subscriptionId),
  };
}
