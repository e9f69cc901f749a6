import { Redis } from 'ioredis';
import postgres from 'postgres';
import { ProcessGroup } from '../chaos/platform/process-group.ts';

/** Stops a Redis in its tracks; call what it gives to let it go on. */
export async function freezeRedis(url: string): Promise<() => void> {
  const redis = new Redis(url);
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  redis.disconnect();
  return freeze(pid);
}

/** Stops a PostgreSQL and all its processes in their tracks; call what it gives to let them go on. */
export async function freezePostgres(url: string): Promise<() => void> {
  const sql = postgres(url, { max: 1 });
  const [row] = await sql<{ text: string }[]>`select pg_read_file('postmaster.pid') as text`;
  await sql.end();
  return freeze(Number(row?.text.split('\n')[0]));
}

function freeze(pid: number): () => void {
  if (!(pid > 1)) throw new Error('the engine does not tell its process');
  const group = new ProcessGroup();
  group.pause(pid);
  return () => group.resume();
}
