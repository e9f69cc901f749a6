import { z } from 'zod';
import type { AllowedOrigins } from '../http/allowed-origin.ts';
import { combine, type Environment, type Setting, type SettingResult, variable } from './read-config.ts';
import { list, oneOf, optionalText, port, text } from './variables.ts';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const nodeEnv = oneOf('NODE_ENV', ['production', 'development', 'test'], 'development');

/** Only a number: whoever believes every entry of `X-Forwarded-For` believes the one the client wrote. */
const trustProxySchema = z
  .string()
  .regex(/^(?:\d{1,2}|false)$/, 'expected the number of proxies in front')
  .transform((value) => (value === 'false' ? 0 : Number(value)))
  .default(0);

const originSchema = z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value, {
  error: 'expected origins like https://example.org, separated by commas',
});

/** By default the tester pages, by both names of this machine and by the one a request was made to. */
const corsOrigins: Setting<AllowedOrigins> = combine(
  {
    producer: port('PRODUCER_TESTER_PORT', 3010),
    consumer: port('CONSUMER_TESTER_PORT', 3011),
    listed: list('CORS_ORIGINS', [], originSchema),
  },
  ({ producer, consumer, listed }): SettingResult<AllowedOrigins> => {
    if (listed.length > 0) return { value: { listed, ownPorts: [] } };
    const ownPorts = [producer, consumer];
    const standard = ownPorts.flatMap((number) => [`http://localhost:${number}`, `http://127.0.0.1:${number}`]);
    return { value: { listed: standard, ownPorts } };
  },
);

/** What every service reads, HTTP or not. */
export const commonSettings = {
  /** What to listen on. */
  host: text('HOST', '127.0.0.1'),
  nodeEnv,
  logLevel: oneOf('LOG_LEVEL', logLevels, 'info'),
  /** Opens `/metrics` to others than this machine; undefined keeps it to this machine. */
  metricsToken: strongSecret('METRICS_TOKEN'),
  /** How many proxies in front may be believed about the client's address. */
  trustProxy: variable('TRUST_PROXY', trustProxySchema),
  corsOrigins,
};

const minSecretBytes = 32;
/** Secrets that stand in an example somewhere. */
const publicSecrets = new Set(['your-secret-key-here', 'secret', 'changeme', 'change-me', 'motience']);

/** A secret that may be left out; production refuses one that is short or known from an example. */
export function strongSecret(name: string): Setting<string | undefined> {
  return combine({ nodeEnv: lenientNodeEnv, secret: optionalText(name) }, ({ nodeEnv, secret }) => {
    if (secret === undefined || nodeEnv !== 'production') return { value: secret };
    if (publicSecrets.has(secret)) {
      return { mistakes: [{ path: name, message: 'is the one from the example; production needs one of its own' }] };
    }
    if (Buffer.byteLength(secret) < minSecretBytes) {
      return { mistakes: [{ path: name, message: `expected at least ${minSecretBytes} bytes in production` }] };
    }
    return { value: secret };
  });
}

/** A wrong NODE_ENV is reported once, by its own setting. */
function lenientNodeEnv(environment: Environment): { value: string | undefined } {
  return { value: environment.NODE_ENV };
}
