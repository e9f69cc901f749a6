import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hashRefreshToken, newRefreshToken, successorOf, tokenIdFor } from './refresh-token.ts';

const secret = randomBytes(32);

describe('a refresh token', () => {
  it('is random, and its hash does not show it', () => {
    const token = newRefreshToken();
    expect(newRefreshToken()).not.toBe(token);
    expect(hashRefreshToken(token)).toMatch(/^[\w-]{43}$/);
    expect(hashRefreshToken(token)).not.toContain(token.slice(4, 20));
  });

  it('has one successor, of the same form, that cannot be told without the secret', () => {
    const token = newRefreshToken();
    const successor = successorOf(token, secret);
    expect(successor).toMatch(/^mrt_[\w-]{43}$/);
    expect(successorOf(token, secret)).toBe(successor);
    expect(successorOf(token, randomBytes(32))).not.toBe(successor);
    expect(successorOf(newRefreshToken(), secret)).not.toBe(successor);
  });

  it('has one token id, which is a UUID', () => {
    const token = newRefreshToken();
    expect(z.uuid().safeParse(tokenIdFor(token, secret)).success).toBe(true);
    expect(tokenIdFor(token, secret)).toBe(tokenIdFor(token, secret));
    expect(tokenIdFor(token, secret)).not.toBe(tokenIdFor(newRefreshToken(), secret));
  });
});
