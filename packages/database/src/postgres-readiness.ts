import { setTimeout } from 'node:timers/promises';
import type { Database } from './client.ts';

/** One that does not answer is named before the whole check would be given up. */
const patienceMs = 1_500;

/** Whether PostgreSQL answers, for `/ready`; the check throws if it does not. */
export function postgresReadiness({ sql }: Pick<Database, 'sql'>) {
  let question: Promise<unknown> | undefined;
  const ask = async () => {
    try {
      await sql`select 1`;
    } finally {
      question = undefined;
    }
  };
  return {
    name: 'postgres',
    check: async (): Promise<{ ok: true }> => {
      // One that was not answered yet is not followed by another: nobody knows for how long PostgreSQL is frozen.
      question ??= ask();
      const answered = new AbortController();
      const late = setTimeout(patienceMs, undefined, answered).then(() => {
        throw new Error('no answer');
      });
      try {
        await Promise.race([question, late]);
        return { ok: true };
      } finally {
        answered.abort();
      }
    },
  };
}
