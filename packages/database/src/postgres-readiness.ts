import type { Database } from './client.ts';

/** Whether PostgreSQL answers, for `/ready`; the check throws if it does not. */
export function postgresReadiness({ sql }: Pick<Database, 'sql'>) {
  return {
    name: 'postgres',
    check: async (): Promise<{ ok: true }> => {
      await sql`select 1`;
      return { ok: true };
    },
  };
}
