import type { WalletList } from '@motience/protocol';

/** Why a stream stands still although its subscription goes on. */
export interface Stop {
  /** As the gateway gives it. */
  reason: string;
  /** The last reading that came. */
  afterSeq: number | undefined;
}

/** Reasons after which there is no subscription any more, or that were wanted. */
const endings = new Set(['requested', 'subscription-ended']);

/** Whether a stream that is unsubscribed with this reason goes on by itself once it is paid for. */
export function isStop(reason: string): boolean {
  return !endings.has(reason);
}

/** What has stopped it, in a few words. */
export function stopInWords(reason: string): string {
  switch (reason) {
    case 'insufficient-funds':
      return 'your funds are used up';
    case 'spending-limit':
      return 'your spending limit is reached';
    case 'quota-reached':
      return 'this month’s quota is used up';
    default:
      return reason;
  }
}

/** What can be done about it. */
export function remedyInWords(reason: string, provider: WalletList['payment_provider'] | undefined): string {
  switch (reason) {
    case 'insufficient-funds':
      return `It goes on with the next reading as soon as there is money in your wallet. ${creditInWords(provider)}`;
    case 'spending-limit':
      return 'It goes on with the next reading when the next day or month begins (UTC), or when you raise the limit below.';
    case 'quota-reached':
      return 'It goes on with the next reading when the next month begins (UTC), or on another plan.';
    default:
      return 'It goes on by itself when that is over.';
  }
}

/** Who can put money into a wallet. */
export function creditInWords(provider: WalletList['payment_provider'] | undefined): string {
  if (provider === 'admin') return 'This platform has no payment provider: only an admin can credit your wallet.';
  return provider === 'stripe' ? 'Top it up below.' : '';
}
