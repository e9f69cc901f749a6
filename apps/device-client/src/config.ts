import { homedir } from 'node:os';
import { join } from 'node:path';
import { deviceIdSchema, usernameSchema } from '@motience/protocol';
import ms, { type StringValue } from 'ms';
import { z } from 'zod';

type SourceConfig = { kind: 'system' } | { kind: 'stdin' } | { kind: 'csv' | 'jsonl'; path: string };

export interface DeviceConfig {
  authUrl: string;
  gatewayUrl: string;
  username: string;
  /** Where the password is: a file, or given by the environment; otherwise a terminal is asked. */
  password: { file: string } | { text: string } | 'ask';
  deviceId: string;
  source: SourceConfig;
  /** Pause between readings; 0 takes them as they come. */
  intervalMs: number;
  loop: boolean;
  /** Read the file from its start, also where an interrupted run could be continued. */
  restart: boolean;
  register: boolean;
  queueDirectory: string;
  maxQueueReadings: number;
}

const url = (protocols: string[]) =>
  z.string().refine(
    (text) => {
      const parsed = URL.canParse(text) ? new URL(text) : undefined;
      return parsed !== undefined && protocols.includes(parsed.protocol) && !parsed.username && !parsed.password;
    },
    `expected an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  );
const timePattern = /^\d{1,8}(\.\d{1,3})?\s?(ms|s|m|h|d)?$/;
const expectedTime = 'expected a time up to 1 day, such as 500ms, 1s or 5m';
const required = (option: string) => (issue: { input?: unknown }) =>
  issue.input === undefined ? `${option} is missing` : undefined;

const optionsSchema = z.object({
  authUrl: url(['http:', 'https:']),
  gatewayUrl: url(['ws:', 'wss:']),
  username: z.string({ error: required('--username') }).pipe(usernameSchema),
  passwordFile: z.string().optional(),
  deviceId: z.string({ error: required('--device-id') }).pipe(deviceIdSchema),
  source: z.string({ error: required('--source') }).transform((text, context): SourceConfig => {
    if (text === 'system' || text === 'stdin') return { kind: text };
    if (text.endsWith('.csv')) return { kind: 'csv', path: text };
    if (text.endsWith('.jsonl') || text.endsWith('.ndjson')) return { kind: 'jsonl', path: text };
    context.addIssue({ code: 'custom', message: 'expected system, stdin, or a file named .csv or .jsonl' });
    return z.NEVER;
  }),
  interval: z
    .custom<StringValue>((text) => typeof text === 'string' && timePattern.test(text), expectedTime)
    .transform((text) => ms(text))
    .refine((value) => value <= ms('1d'), expectedTime)
    .optional(),
  loop: z.boolean().default(false),
  restart: z.boolean().default(false),
  register: z.boolean().default(false),
  queueDir: z.string().min(1, 'expected a folder').optional(),
  maxQueueReadings: z
    .string()
    .regex(/^[1-9]\d{0,7}$/, 'expected a whole number from 1 to 99999999')
    .transform(Number)
    .default(100_000),
});

const optionNames: Record<string, string> = {
  authUrl: '--auth-url',
  gatewayUrl: '--gateway-url',
  username: '--username',
  passwordFile: '--password-file',
  deviceId: '--device-id',
  source: '--source',
  interval: '--interval',
  queueDir: '--queue-dir',
  maxQueueReadings: '--max-queue-readings',
};

/** The configuration that options and environment give, or everything that is wrong with them. */
export function readConfig(
  options: unknown,
  env: Record<string, string | undefined>,
): { config: DeviceConfig } | { mistakes: string[] } {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    return {
      mistakes: parsed.error.issues.map(({ path, message }) => {
        const option = optionNames[String(path[0])] ?? String(path[0]);
        return message.startsWith(option) ? message : `${option}: ${message}`;
      }),
    };
  }
  const given = parsed.data;
  const isFile = given.source.kind === 'csv' || given.source.kind === 'jsonl';
  const mistakes: string[] = [];
  if (given.loop && !isFile) mistakes.push('--loop: only a file can be repeated');
  if (given.restart && !isFile) mistakes.push('--restart: only a file can be read from its start');
  if (given.source.kind === 'system' && given.interval === 0)
    mistakes.push('--interval: expected more than 0 for system');
  if (mistakes.length > 0) return { mistakes };
  const password =
    given.passwordFile !== undefined
      ? { file: given.passwordFile }
      : env.MOTIENCE_PASSWORD
        ? { text: env.MOTIENCE_PASSWORD }
        : 'ask';
  return {
    config: {
      authUrl: given.authUrl,
      gatewayUrl: given.gatewayUrl,
      username: given.username,
      password,
      deviceId: given.deviceId,
      source: given.source,
      intervalMs: given.interval ?? (given.source.kind === 'system' || given.loop ? 1_000 : 0),
      loop: given.loop,
      restart: given.restart,
      register: given.register,
      queueDirectory: given.queueDir ?? defaultQueueDirectory(given, env),
      maxQueueReadings: given.maxQueueReadings,
    },
  };
}

/** One folder per gateway, account and device, so that several devices of one machine do not meet. */
function defaultQueueDirectory(
  { gatewayUrl, username, deviceId }: { gatewayUrl: string; username: string; deviceId: string },
  env: Record<string, string | undefined>,
): string {
  const state = env.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  const name = [gatewayName(gatewayUrl), username, deviceId].map(encodeURIComponent).join('~');
  return join(state, 'motience', 'queues', name);
}

/** Host and port; this machine is one gateway, however it is written. */
function gatewayName(gatewayUrl: string): string {
  const { host, hostname } = new URL(gatewayUrl);
  return ['127.0.0.1', '[::1]'].includes(hostname) ? host.replace(hostname, 'localhost') : host;
}
