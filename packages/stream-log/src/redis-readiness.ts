import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { mastersOf, type RedisConnection } from './connection.ts';

type Answer = { ok: true; note?: string } | { ok: false; reason: string };

/**
 * Whether Redis answers, and in a cluster each of its masters, for `/ready`. Notes when a log is not written before
 * Redis replies: an acknowledgement is then worth less than it says. A Redis that does not tell its configuration is
 * taken as it is.
 */
export function redisReadiness(redis: RedisConnection) {
  const questions = new WeakMap<Redis, Promise<Answer>>();
  return {
    name: 'redis',
    check: async (): Promise<Answer> => {
      if (redis.status !== 'ready') return { ok: false, reason: 'not connected' };
      const masters = mastersOf(redis);
      const answers = await Promise.all(masters.map((master) => checkMaster(master, masters.length > 1, questions)));
      const reasons = answers.flatMap((answer) => (answer.ok ? [] : [answer.reason]));
      if (reasons.length > 0) return { ok: false, reason: reasons.join('; ') };
      return answers.find((answer) => answer.ok && answer.note !== undefined) ?? { ok: true };
    },
  };
}

/** A master that does not answer is named before the whole check would be given up. */
const patienceMs = 1_500;

async function checkMaster(
  master: Redis,
  isOneOfMany: boolean,
  questions: WeakMap<Redis, Promise<Answer>>,
): Promise<Answer> {
  const who = isOneOfMany ? `${master.options.host}:${master.options.port}: ` : '';
  // One that no command was sent to yet is connected by the first.
  if (master.status !== 'ready' && master.status !== 'wait') return { ok: false, reason: `${who}not connected` };
  // One that was not answered yet is not followed by another: nobody knows for how long the master is frozen.
  const question = questions.get(master) ?? askMaster(master, who).finally(() => questions.delete(master));
  questions.set(master, question);
  const answered = new AbortController();
  const late = setTimeout<Answer>(patienceMs, { ok: false, reason: `${who}no answer` }, answered);
  try {
    return await Promise.race([question, late]);
  } finally {
    answered.abort();
  }
}

async function askMaster(master: Redis, who: string): Promise<Answer> {
  const [settings, cluster] = await Promise.all([
    master.config('GET', 'append*').catch(() => []),
    who ? master.cluster('INFO') : '',
    master.ping(),
  ]);
  if (/cluster_state:fail/.test(String(cluster))) return { ok: false, reason: `${who}cluster_state is fail` };
  const given = Array.isArray(settings) ? settings.map(String) : [];
  const settingOf = (name: string) => (given.includes(name) ? given[given.indexOf(name) + 1] : undefined);
  if (settingOf('appendonly') === 'no') return weak(`${who}appendonly is no`);
  const appendFsync = settingOf('appendfsync');
  if (appendFsync === undefined || appendFsync === 'always') return { ok: true };
  return weak(`${who}appendfsync is ${appendFsync}`);
}

function weak(setting: string): Answer {
  return { ok: true, note: `${setting}: a crash of Redis may lose acknowledged readings` };
}
