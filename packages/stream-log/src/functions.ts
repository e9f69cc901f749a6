import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { allMasters, masterOf, type RedisConnection, slotOf } from './connection.ts';

/**
 * The functions and their flags. When Redis has used up its memory it refuses a function without `allow-oom` or
 * `no-writes`: then nothing is taken in any more, while everything that leads readings on and frees memory still runs.
 */
const flagsOf = {
  append: '',
  apply: 'allow-oom',
  unpersisted: 'no-writes',
  persisted: 'allow-oom',
  forget: 'allow-oom',
  heads: 'allow-oom',
  read: 'allow-oom',
  trim: 'allow-oom',
  present: '',
  announce: 'allow-oom',
  completeRights: 'no-writes',
  readRights: 'no-writes',
  beginRebuild: 'allow-oom',
  finishRebuild: 'allow-oom',
  meter: 'allow-oom',
  inspectCredit: 'allow-oom',
  settleUsage: 'allow-oom',
  wantCredit: 'allow-oom',
} as const;
type FunctionName = keyof typeof flagsOf;

/** What an FCALL replies: bulk strings as buffers, numbers, and lists of them. */
export type Reply = Buffer | number | null | Reply[];

const folder = new URL('../lua/', import.meta.url);
const source = readdirSync(folder)
  .sort()
  .map((file) => readFileSync(new URL(file, folder), 'utf8'))
  .join('\n');

/** Part of every function's name, so that two versions of the platform can run beside each other. */
const version = createHash('sha256').update(source).digest('hex').slice(0, 12);

const library = [
  `#!lua name=motience_${version}`,
  source,
  ...Object.entries(flagsOf).map(
    ([name, flag]) =>
      `redis.register_function{function_name='motience_${name}_${version}', callback=${name}, flags={${flag && `'${flag}'`}}}`,
  ),
].join('\n');

/** The master that holds a shard may change while a function is loaded; after so many changes in a row something is wrong. */
const loadAttempts = 10;

/**
 * Calls one of the platform's Redis functions, and loads them first where Redis does not have them: a new one, or a
 * node of a cluster that has just taken over. A function that was not found did nothing, so calling it again is safe.
 */
export async function callFunction(
  redis: RedisConnection,
  name: FunctionName,
  keys: readonly [string, ...string[]],
  args: readonly (string | number | Buffer)[],
): Promise<Reply> {
  const all = [...keys, missingKeyBeside(keys[0])];
  for (let attempt = 1; ; attempt += 1) {
    try {
      return asReply(await redis.callBuffer('FCALL', [`motience_${name}_${version}`, all.length, ...all, ...args]));
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('Function not found'))) throw error;
      const master = masterOf(redis, slotOf(keys[0]));
      if (!master || attempt === loadAttempts) throw error;
      await master.call('FUNCTION', 'LOAD', 'REPLACE', library);
    }
  }
}

/**
 * A key of the same shard that never exists. While a slot is being moved from one master of a cluster to another, a
 * function could find some keys of its shard here and others gone, and end in the middle. But Redis runs nothing there
 * that names several keys of which one is missing: it has the call tried again until the whole slot has moved.
 */
function missingKeyBeside(key: string): string {
  return `${key.slice(0, key.indexOf('}') + 1)}:nothing`;
}

/**
 * Removes the functions of former versions from every master. A process of such a version that still runs loads its own
 * again when it does not find them.
 */
export async function removeFormerFunctions(redis: RedisConnection): Promise<void> {
  await Promise.all(
    (await allMasters(redis)).map(async (master) => {
      const libraries = await master.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'motience_*');
      for (const [name] of String(libraries).matchAll(/motience_[0-9a-f]{12}(?=,functions|,engine)/g)) {
        if (name !== `motience_${version}`) await master.call('FUNCTION', 'DELETE', name);
      }
    }),
  );
}

function asReply(value: unknown): Reply {
  if (value === null || typeof value === 'number' || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(asReply);
  throw new TypeError(`Redis replied with an unexpected ${typeof value}`);
}

/** A reply that has to be a list. */
export function asList(reply: Reply | undefined): Reply[] {
  if (Array.isArray(reply)) return reply;
  throw new TypeError('Redis replied with something that is no list');
}

/** A reply that has to be text. */
export function asText(reply: Reply | undefined): string {
  if (Buffer.isBuffer(reply)) return reply.toString();
  throw new TypeError('Redis replied with something that is no text');
}

/** A reply that has to be bytes. */
export function asBytes(reply: Reply | undefined): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw new TypeError('Redis replied with something that is no bytes');
}

/** A reply that has to be a number, as itself or as text. */
export function asNumber(reply: Reply | undefined): number {
  return typeof reply === 'number' ? reply : Number(asText(reply));
}
