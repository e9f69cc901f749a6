import { Refusal } from '@motience/protocol';
import type { PaymentProvider } from './payment-provider.ts';

/** Refuses with `forbidden` what only a payment provider can do. */
export function refuseWithoutProvider(): never {
  throw new Refusal('forbidden', 'no payment provider is configured here: an admin credits wallets');
}

/** Where no payment provider is configured: wallets are credited by an admin, and nobody else can pay in. */
export const adminProvider: PaymentProvider<'admin'> = {
  name: 'admin',
  step: 1n,
  begin: refuseWithoutProvider,
  readEvent: refuseWithoutProvider,
};
