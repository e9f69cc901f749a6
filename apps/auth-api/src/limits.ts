import { createRateLimiter, type RateLimiter } from '@motience/service-kit';
import type { RedisConnection } from '@motience/stream-log';
import type { AuthConfig } from './config.ts';

export interface Limits {
  readonly registers: RateLimiter;
  readonly refreshes: RateLimiter;
  /** Devices added or removed, by account. */
  readonly deviceChanges: RateLimiter;
  /** Lists of accounts, by the account that asks for them. */
  readonly accountLists: RateLimiter;
  /** API keys made or revoked, by account. */
  readonly keyChanges: RateLimiter;
  readonly failedLogins: FailedLogins;
}

/** Failed logins of one account from one address, and of one address. Successes are free. */
interface FailedLogins {
  /** Throws `rate-limited` if no further try is allowed now. */
  check(address: string, username: string): Promise<void>;
  /** Counts a failure; throws `rate-limited` if it is one too many. */
  count(address: string, username: string): Promise<void>;
}

export function createLimits(redis: RedisConnection, config: AuthConfig): Limits {
  const limiter = (name: string, what: string, points: number) =>
    createRateLimiter(redis, config.redisKeyPrefix, { name, what, points, perSeconds: 60 });
  const perAccount = limiter('login-account', 'failed logins per account and address', config.failedLoginsPerAccount);
  const perAddress = limiter('login-address', 'failed logins per address', config.failedLoginsPerAddress);
  const accountKey = (address: string, username: string) => `${address} ${username.toLowerCase()}`;
  return {
    registers: limiter('register', 'registrations per address', config.registersPerMinute),
    refreshes: limiter('refresh', 'refreshes per address', config.refreshesPerMinute),
    deviceChanges: limiter('devices', 'changes of devices per account', config.deviceChangesPerMinute),
    accountLists: limiter('account-lists', 'lists of accounts per account', config.accountListsPerMinute),
    keyChanges: limiter('keys', 'changes of API keys per account', config.keyChangesPerMinute),
    failedLogins: {
      async check(address, username) {
        await Promise.all([perAccount.check(accountKey(address, username)), perAddress.check(address)]);
      },
      async count(address, username) {
        await Promise.all([perAccount.consume(accountKey(address, username)), perAddress.consume(address)]);
      },
    },
  };
}
