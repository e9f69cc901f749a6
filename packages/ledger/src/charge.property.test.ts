import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chargeOfIncrement, monthlyCharge, platformFee } from './charge.ts';
import { maxMicros, micros } from './money.ts';
import { month } from './month.ts';
import type { PlanTerms, Trial } from './plan.ts';
import { addUse, divideAtTrial, noUse, trialLeft, type Use } from './use.ts';

const november = month('2026-11');
const price = fc.bigInt({ min: 1n, max: 5_000_000n }).map(micros);
const trial: fc.Arbitrary<Trial> = fc.oneof(
  fc.integer({ min: 1, max: 60 }).map((readings) => ({ readings })),
  fc.integer({ min: 1, max: 3 }).map((minutes) => ({ minutes })),
);
const beyondQuota = fc.oneof(
  fc.constant('stop' as const),
  price.map((price_per_1000_readings) => ({ price_per_1000_readings })),
);

function plans(perTime: 'hour' | 'day' | 'month', maximum: bigint | undefined): fc.Arbitrary<PlanTerms> {
  const common = {
    currency: 'EUR' as const,
    ...(maximum === undefined ? {} : { maximum_monthly_charge: micros(maximum) }),
  };
  return fc.oneof(
    fc.constant({ kind: 'free' as const }),
    price.map((price) => ({ kind: 'per-reading' as const, price, ...common })),
    price.map((price) => ({ kind: 'per-1000-readings' as const, price, ...common })),
    price.map((price) => ({ kind: 'per-megabyte' as const, price, ...common })),
    price.map((price) => ({ kind: 'per-time' as const, price, per: perTime, ...common })),
    fc.tuple(price, fc.integer({ min: 1, max: 100 }), beyondQuota).map(([price, quota_readings, beyond_quota]) => ({
      kind: 'monthly' as const,
      price,
      quota_readings,
      beyond_quota,
      ...common,
    })),
  );
}

const plan = fc
  .tuple(
    fc.constantFrom('hour' as const, 'day' as const, 'month' as const),
    fc.option(fc.bigInt({ min: 1n, max: 50_000_000n }), { nil: undefined }),
  )
  .chain(([per, maximum]) => plans(per, maximum));

const piece: fc.Arbitrary<Use> = fc.record({
  readings: fc.bigInt({ min: 0n, max: 40n }),
  bytes: fc.bigInt({ min: 0n, max: 900_000n }),
  seconds: fc.bigInt({ min: 0n, max: 90n }),
});
const pieces = fc.array(piece, { maxLength: 25 });

/** The same use in fewer pieces: some neighbours are put together. */
const cutTwice = pieces.chain((fine) =>
  fc.array(fc.boolean(), { minLength: fine.length, maxLength: fine.length }).map((joins) => {
    const coarse: Use[] = [];
    fine.forEach((next, index) => {
      const last = joins[index] ? coarse.pop() : undefined;
      coarse.push(last ? addUse(last, next) : next);
    });
    return { fine, coarse };
  }),
);

/** What pieces cost one after the other, each as it comes. */
function chargePieces(terms: PlanTerms, uses: readonly Use[], free?: Trial): { charge: bigint; trial: Use } {
  let spent = noUse;
  let billable = noUse;
  let charge = 0n;
  for (const use of uses) {
    const divided = divideAtTrial(free, spent, use);
    spent = addUse(spent, divided.trial);
    const after = addUse(billable, divided.billable);
    charge += chargeOfIncrement(terms, november, billable, after);
    billable = after;
  }
  return { charge, trial: spent };
}

it('what increments cost adds up to the same, however the use is cut up', () => {
  fc.assert(
    fc.property(plan, cutTwice, (terms, { fine, coarse }) => {
      expect(chargePieces(terms, coarse).charge).toBe(chargePieces(terms, fine).charge);
      expect(chargePieces(terms, fine).charge).toBe(monthlyCharge(terms, november, fine.reduce(addUse, noUse)));
    }),
  );
});

it('a charge never falls, is never negative, and never passes the maximum of the month', () => {
  fc.assert(
    fc.property(plan, piece, piece, (terms, one, more) => {
      const before = monthlyCharge(terms, november, one);
      const after = monthlyCharge(terms, november, addUse(one, more));
      expect(before).toBeGreaterThanOrEqual(0n);
      expect(after).toBeGreaterThanOrEqual(before);
      if (terms.kind !== 'free') expect(after).toBeLessThanOrEqual(terms.maximum_monthly_charge ?? maxMicros);
    }),
  );
});

it('a trial is given once, in its own unit exactly, however the use is cut up', () => {
  fc.assert(
    fc.property(plan, trial, cutTwice, (terms, free, { fine, coarse }) => {
      const whole = fine.reduce(addUse, noUse);
      for (const cut of [fine, coarse]) {
        const { trial: given } = chargePieces(terms, cut, free);
        if ('readings' in free) {
          expect(given.readings).toBe(whole.readings < BigInt(free.readings) ? whole.readings : BigInt(free.readings));
        } else {
          const seconds = BigInt(free.minutes) * 60n;
          expect(given.seconds).toBe(whole.seconds < seconds ? whole.seconds : seconds);
        }
      }
    }),
  );
});

it('pieces in which a trial ends never cost more than finer ones', () => {
  fc.assert(
    fc.property(plan, trial, cutTwice, (terms, free, { fine, coarse }) => {
      expect(chargePieces(terms, coarse, free).charge).toBeLessThanOrEqual(chargePieces(terms, fine, free).charge);
    }),
  );
});

it('use cut where the trial ends costs the same, however else it is cut up', () => {
  fc.assert(
    fc.property(plan, trial, piece, cutTwice, (terms, free, inTrial, { fine, coarse }) => {
      const unit = 'readings' in free ? 'readings' : 'seconds';
      const upToTheEnd = { ...inTrial, [unit]: trialLeft(free, noUse) };
      expect(chargePieces(terms, [upToTheEnd, ...coarse], free).charge).toBe(
        chargePieces(terms, [upToTheEnd, ...fine], free).charge,
      );
    }),
  );
});

it('the platform and the producer share a charge to the micro-unit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: maxMicros }), fc.integer({ min: 0, max: 1_000_000 }), (charge, share) => {
      const fee = platformFee(micros(charge), share);
      expect(fee).toBeLessThanOrEqual(charge);
      expect((fee + 1n) * 1_000_000n).toBeGreaterThan(charge * BigInt(share));
    }),
  );
});
