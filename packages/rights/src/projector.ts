import { type Database, rightsOutbox } from '@motience/database';
import type { Right, RightsStore } from '@motience/stream-log';
import { and, asc, gt, lt, sql } from 'drizzle-orm';
import { lockRight, tryLockRebuild } from './locks.ts';
import { Patience, RedisOverdue } from './patience.ts';
import { deleteOutboxRows, readOutboxIds, readTruth } from './read-truth.ts';
import { rebuildRights } from './rebuild-rights.ts';

/** The part of pino's logger that is used here. */
export interface ProjectorLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface ProjectorOptions {
  /** Needs room for four connections beside the caller's own. */
  database: Database;
  rights: RightsStore;
  logger: ProjectorLogger;
  /** How long Redis may take to answer before a right is left to the next poll. */
  redisDeadlineMs?: number;
  /** How often rights that a crash or an outage left behind are looked for. */
  pollMs?: number;
  /** How often everything is compared, changed or not. */
  reconcileMs?: number;
}

export interface Projector {
  /**
   * Brings one right, as PostgreSQL has it now, to Redis and the gateways. Call it after the commit and before the
   * reply. It never throws and answers within 3 s: what could not be done is logged and done by a later poll.
   */
  project(right: Right): Promise<void>;
  /** Begins to poll, and compares everything once. */
  start(): void;
  /** Stops polling; resolves when nothing runs any more. */
  stop(): Promise<void>;
}

const answerWithinMs = 3_000;
const outboxPage = 200;
const leftoversAtOnce = 4;

/** Keeps the rights in Redis what PostgreSQL says. Any number of processes may each run one. */
export function createProjector(options: ProjectorOptions): Projector {
  const { database, rights, logger, pollMs = 2_000, reconcileMs = 600_000 } = options;
  const deadlineMs = options.redisDeadlineMs ?? 1_000;
  const patience = new Patience(deadlineMs);
  /** By master: of a cluster whose one master is away, the rights on the others are moved all the same. */
  const patienceByMaster = new Map<string, Patience>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let polling: Promise<void> | undefined;
  /** Which Redis was last found equal to PostgreSQL, and when. */
  let reconciled = { serverId: '', at: Number.NEGATIVE_INFINITY };
  /** Whether gateways may not know of something that a comparison, also one that failed half-way, put right. */
  let announceDue = true;

  const patiently = <Result>(work: () => Promise<Result>) =>
    patience.run(work, () => {
      reconciled = { serverId: '', at: Number.NEGATIVE_INFINITY };
    });

  function patienceFor(right: Right): Patience {
    const master = rights.masterOf(right);
    const known = patienceByMaster.get(master) ?? new Patience(deadlineMs);
    patienceByMaster.set(master, known);
    return known;
  }

  async function move(right: Right): Promise<void> {
    await database.db.transaction(async (tx) => {
      await lockRight(tx, right);
      // Rows first, truth second: a row that is deleted below was committed before the truth was read.
      const rows = await readOutboxIds(tx, right);
      const grant = await readTruth(tx, right);
      await patienceFor(right).run(
        () => (grant === undefined ? rights.revoke(right) : rights.grant(grant)),
        () => void attempt(right),
      );
      await deleteOutboxRows(tx, rows);
    });
  }

  async function attempt(right: Right): Promise<boolean> {
    if (stopped) return false;
    try {
      await move(right);
      return true;
    } catch (error) {
      logger.warn({ err: error, kind: right.kind, account_id: right.accountId }, 'right not yet in Redis');
      return false;
    }
  }

  async function moveLeftovers(): Promise<void> {
    let after = 0n;
    for (;;) {
      const page = await database.db
        .select()
        .from(rightsOutbox)
        .where(and(gt(rightsOutbox.id, after), lt(rightsOutbox.createdAt, sql`now() - interval '1 second'`)))
        .orderBy(asc(rightsOutbox.id))
        .limit(outboxPage);
      const distinct = new Map(
        page.map(({ kind, accountId, item }) => [
          `${kind}:${accountId}:${item}`,
          { kind, accountId: String(accountId), item },
        ]),
      );
      const rest = [...distinct.values()];
      while (rest.length > 0) {
        await Promise.all(rest.splice(0, leftoversAtOnce).map(attempt));
        if (stopped) return;
      }
      const last = page.at(-1);
      if (!last || page.length < outboxPage) return;
      after = last.id;
    }
  }

  async function rebuildIfNeeded(): Promise<void> {
    const serverId = await patiently(() => rights.serverId());
    if (serverId !== reconciled.serverId) announceDue = true;
    const due = serverId !== reconciled.serverId || Date.now() - reconciled.at >= reconcileMs;
    if (!due && (await patiently(() => rights.isComplete()))) return;
    await database.db.transaction(async (tx) => {
      if (!(await tryLockRebuild(tx))) return;
      const startedAt = Date.now();
      const complete = await patiently(() => rights.isComplete());
      const token = complete ? undefined : await patiently(() => rights.beginRebuild());
      const changed = await rebuildRights({ database, rights, patiently }).catch((error: unknown) => {
        announceDue = true;
        throw error;
      });
      if (token !== undefined) {
        if (!(await patiently(() => rights.finishRebuild(token)))) return;
        logger.info({ ms: Date.now() - startedAt }, 'rights in Redis rebuilt');
      } else {
        if (changed) {
          announceDue = true;
          logger.warn({ ms: Date.now() - startedAt }, 'rights in Redis differed from PostgreSQL and were put right');
        }
        if (announceDue) await patiently(() => rights.announceAll());
      }
      announceDue = false;
      reconciled = { serverId, at: Date.now() };
    });
  }

  async function poll(): Promise<void> {
    for (const step of [rebuildIfNeeded, moveLeftovers]) await attemptStep(step);
  }

  async function attemptStep(step: () => Promise<void>): Promise<void> {
    try {
      if (!stopped) await step();
    } catch (error) {
      if (stopped) return;
      if (error instanceof RedisOverdue) logger.warn({ reason: error.message }, 'rights wait for Redis');
      else logger.warn({ err: error }, 'rights could not be compared; trying again');
    }
  }

  function pollAfter(ms: number): void {
    timer = setTimeout(() => {
      polling = poll().finally(() => {
        if (!stopped) pollAfter(pollMs * (0.75 + Math.random() / 2));
      });
    }, ms);
  }

  return {
    async project(right) {
      let late: NodeJS.Timeout | undefined;
      const answer = new Promise<void>((resolve) => {
        late = setTimeout(resolve, answerWithinMs);
      });
      await Promise.race([attempt(right), answer]);
      clearTimeout(late);
    },
    start() {
      if (!timer) pollAfter(0);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await polling;
    },
  };
}
