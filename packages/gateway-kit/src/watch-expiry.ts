import { Refusal } from '@motience/protocol';
import type { OpenAccounts } from './open-accounts.ts';

/** How long before its token expires a socket is told, in ms. */
const warningMs = 30_000;

/**
 * Warns sockets 30 seconds before their token expires and closes them when it does. One sweep a second over all
 * sockets costs less memory than a timer each. Returns what stops it.
 */
export function watchExpiry(accounts: OpenAccounts): () => void {
  const timer = setInterval(() => closeExpired(accounts, Date.now()), 1_000);
  return () => clearInterval(timer);
}

export function closeExpired(accounts: OpenAccounts, now: number): void {
  for (const socket of [...accounts.sockets()]) {
    if (socket.expiresAt <= now) {
      socket.refuse(new Refusal('token-expired', 'the access token has expired: refresh it and reconnect'));
    } else if (!socket.warnedOfExpiry && socket.expiresAt - warningMs <= now) {
      socket.warnedOfExpiry = true;
      const seconds = Math.ceil((socket.expiresAt - now) / 1000);
      socket.warn(new Refusal('token-expired', `the access token expires in ${seconds} s: refresh it and reconnect`));
    }
  }
}
