import { strongSecret } from './common-settings.ts';
import { combine, type Setting } from './read-config.ts';
import { optionalUrl, port } from './variables.ts';

/** Where auth-api is: `AUTH_URL`, by default this machine on `AP_PORT`. */
export const authUrl: Setting<string> = combine(
  { url: optionalUrl('AUTH_URL', ['http', 'https']), port: port('AP_PORT', 3001) },
  ({ url, port }) => ({ value: url ?? `http://127.0.0.1:${port}` }),
);

/** What a service needs to check access tokens. */
export const tokenSettings = {
  /** Tokens are HS256 under this secret; undefined: EdDSA, checked with the public keys auth-api shows. */
  jwtSecret: strongSecret('JWT_SECRET'),
  authUrl,
};
