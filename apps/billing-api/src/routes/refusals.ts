/** What each route of an account's money may refuse with. */
export const refusals = [
  'invalid-request',
  'unauthenticated',
  'token-expired',
  'forbidden',
  'rate-limited',
  'unavailable',
] as const;
