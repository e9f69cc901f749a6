export { apiKeyPrefix, type FoundKey, type KeyGrant, keyGrantSchema, newApiKey, withApiKeys } from './api-key.ts';
export { type AccessClaims, accessClaimsSchema } from './claims.ts';
export { issueToken, type TokenStamp, type TokenSubject } from './issue-token.ts';
export { deriveSecret, loadOrCreateKeyFile, publicKeys, type SigningKey, secretSigningKey } from './signing-key.ts';
export {
  createTokenVerifier,
  type TokenSettings,
  type TokenVerifier,
  type Verification,
  verifierFor,
} from './verify-token.ts';
