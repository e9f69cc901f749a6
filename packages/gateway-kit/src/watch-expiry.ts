import { Refusal } from '@motience/protocol';
import type { Expiry, OpenAccounts } from './open-accounts.ts';

/** How long before its token or key expires a socket is told, in ms. */
const warningMs = 30_000;
const remedies: Readonly<Record<Expiry['of'], string>> = {
  'access token': 'refresh it',
  'API key': 'make another one',
};

/**
 * Warns sockets 30 seconds before their token or API key expires and closes them when it does. One sweep a second over all
 * sockets costs less memory than a timer each. Returns what stops it.
 */
export function watchExpiry(accounts: OpenAccounts): () => void {
  const timer = setInterval(() => closeExpired(accounts, Date.now()), 1_000);
  return () => clearInterval(timer);
}

export function closeExpired(accounts: OpenAccounts, now: number): void {
  for (const socket of [...accounts.sockets()]) {
    const { of, at } = socket.expiry;
    if (at <= now) {
      socket.refuse(new Refusal('token-expired', `the ${of} has expired: ${remedies[of]} and reconnect`));
    } else if (!socket.warnedOfExpiry && at - warningMs <= now) {
      socket.warnedOfExpiry = true;
      const seconds = Math.ceil((at - now) / 1000);
      socket.warn(new Refusal('token-expired', `the ${of} expires in ${seconds} s: ${remedies[of]} and reconnect`));
    }
  }
}
