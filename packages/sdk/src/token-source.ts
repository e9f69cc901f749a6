import { Refusal } from '@motience/protocol';

/** Where a client gets the access token it opens a socket with. A `Session` is one. */
export interface TokenSource {
  /**
   * A token that is good for at least the next seconds. With `rejected`, one that is not that one: the server has just
   * refused it or said that it expired. Rejects with a `Refusal`: `unauthenticated` or `token-expired` means that only
   * signing in again can help, everything else may succeed later.
   */
  accessToken(rejected?: string): Promise<string>;
}

/** Whether a refusal says that the token, not the request, is at fault. */
export function isTokenRefusal(error: unknown): error is Refusal {
  return error instanceof Refusal && (error.kind === 'unauthenticated' || error.kind === 'token-expired');
}
