import { readdirSync, readFileSync } from 'node:fs';
import { migrateDatabase } from '@motience/database';
import { startPrivatePostgres } from '@motience/engines/testing';
import { expect, it } from 'vitest';
import { BillingCorner, span, type Trade } from '../testing/billing-corner.ts';
import { turnEveryMs } from './settler.ts';

const subscriptionCount = 100;
const readingsPerSecond = 200;
const warmUpSeconds = 15;
const seconds = 60;
/** Of a core. */
const mostPercent = 5;
const secondsPerTurn = turnEveryMs / 1_000;
const hasProc = process.platform === 'linux';

/** CPU seconds that a server has used, its processes that ended included: those of the parent of a connection's. */
function cpuSecondsBelow(backendPid: number): number {
  const fieldsOf = (pid: string) =>
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').map(Number) ?? [];
  const parent = fieldsOf(String(backendPid))[1];
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = fieldsOf(pid);
      if (Number(pid) === parent) ticks += (fields[13] ?? 0) + (fields[14] ?? 0);
      if (Number(pid) === parent || fields[1] === parent) ticks += (fields[11] ?? 0) + (fields[12] ?? 0);
    } catch {
      // It has just ended.
    }
  }
  return ticks / 100;
}

it.runIf(hasProc)(
  `settling ${readingsPerSecond * subscriptionCount} readings of ${subscriptionCount} subscriptions a second costs the database at most ${mostPercent} % of a core`,
  { timeout: 240_000 },
  async () => {
    const postgres = await startPrivatePostgres({ durable: true });
    await migrateDatabase(postgres.url);
    const corner = await BillingCorner.open({ databaseUrl: postgres.url });
    try {
      const [consumers, producers] = await Promise.all(
        (['consumer', 'producer'] as const).map((role) =>
          Promise.all(Array.from({ length: 10 }, () => corner.account(role))),
        ),
      );
      const trades: Trade[] = [];
      for (const consumerId of consumers ?? []) {
        for (const producerId of producers ?? []) {
          trades.push(await corner.trade({ kind: 'per-1000-readings', price: '0.5' }, { consumerId, producerId }));
        }
      }
      for (const trade of trades.filter((_, index) => index % 10 === 0)) await corner.fund(trade, 1_000_000_000n);
      const { reporter } = corner.gateway();
      const holds = new Map<string, number>();
      let seq = 0;
      const start = Date.now();
      const second = async (number: number) => {
        const isReporting = number > 1;
        const spans = [span(seq + 1, seq + readingsPerSecond)];
        const spent = isReporting ? readingsPerSecond : 0;
        const answer = await reporter.report(reporter.nextNumber(), {
          reports: isReporting ? trades.map(({ subscriptionId }) => ({ subscriptionId, spans, spent })) : [],
          credits: trades.map(({ subscriptionId }) => ({
            subscriptionId,
            spent,
            holds: Math.max(0, (holds.get(subscriptionId) ?? 0) - spent),
            wants: readingsPerSecond,
            isReceived: true,
          })),
          marks: [],
          forget: [],
          find: [],
        });
        seq += spent;
        for (const [index, slice] of answer.slices.entries())
          holds.set(trades[index]?.subscriptionId ?? '', slice.holds);
        const clocks = { ours: new Date(start + number * 1_000), redis: new Date() };
        if (number % secondsPerTurn === 0)
          await corner.turn(number % 2 === 0 ? { sweepAfter: 0n, clocks } : { clocks });
      };
      const [backend] = await corner.database.sql`select pg_backend_pid() as pid`;
      for (let number = 0; number < warmUpSeconds; number += 1) await second(number);
      const before = cpuSecondsBelow(Number(backend?.pid));
      for (let number = 0; number < seconds; number += 1) await second(warmUpSeconds + number);
      const percent = ((cpuSecondsBelow(Number(backend?.pid)) - before) / seconds) * 100;
      const rate = `${readingsPerSecond * subscriptionCount} readings/s to ${subscriptionCount} subscriptions`;
      console.log(`settlement of ${rate}: ${percent.toFixed(2)} % of a core in PostgreSQL`);
      await corner.turn({ clocks: { ours: new Date(start + 100_000), redis: new Date() } });
      const [row] = await corner.database.sql`select sum(readings)::text as readings from subscription_days`;
      expect(row?.readings).toBe(String(seq * subscriptionCount));
      expect(percent).toBeLessThanOrEqual(mostPercent);
    } finally {
      await corner.close();
      await postgres.close();
    }
  },
);
