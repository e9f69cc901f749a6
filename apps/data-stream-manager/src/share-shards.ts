import type { Logger } from '@motience/service-kit';
import type { ManagerTable } from '@motience/stream-log';
import { shardsOf } from './assign-shards.ts';

/** How often a manager says that it is there. Together with the 3 s after which one is gone: moved within 5 s. */
const announceEveryMs = 1_000;

/** A manager that has not been told for so long who else is there takes care of all shards. */
const loneAfterMs = 3_000;

interface ManagerShards {
  manager: string;
  shards: number[];
}

/**
 * The shards this manager takes care of, while others take care of the rest.
 *
 * Only work is shared by this, nothing is kept right by it: taking readings off the log, numbering, retaining and
 * publishing them is one atomic step in Redis, and noting what is persisted is another, which changes nothing where it
 * was done before (docs/decisions/0002). So two managers may take care of the same shard at once, and a manager that was
 * frozen in the middle and wakes up can neither number nor publish anything twice or out of order. A lease with a
 * fencing token would have to be checked inside that same step, and would add nothing to it.
 */
export class ShardShare {
  private managers: readonly string[] = [];
  private owned: ReadonlySet<number> = new Set();
  private readonly timer: NodeJS.Timeout;
  private announcing = false;
  private toldAt = performance.now();
  private onGained: (shard: number) => void = () => {};
  private stopped = false;

  constructor(
    private readonly table: ManagerTable,
    /** Names this manager. Two of the same name would both take care of the same shards. */
    readonly managerId: string,
    readonly shardCount: number,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => this.announce(), announceEveryMs).unref();
    this.announce();
  }

  /** Calls `onGained` with each shard that this manager has from now on, and with those that it has. */
  listen(onGained: (shard: number) => void): void {
    this.onGained = onGained;
    for (const shard of this.owned) onGained(shard);
  }

  owns(shard: number): boolean {
    return this.owned.has(shard);
  }

  get shards(): number[] {
    return [...this.owned].sort((a, b) => a - b);
  }

  /** All managers that are there, as far as this one was told, and what each takes care of. */
  all(): [ManagerShards, ...ManagerShards[]] {
    const others = this.managers.filter((manager) => manager !== this.managerId);
    return [
      { manager: this.managerId, shards: this.shards },
      ...others.sort().map((manager) => ({ manager, shards: shardsOf(manager, this.managers, this.shardCount) })),
    ];
  }

  /** Gives the shards to the others, who notice within a second, or within 4 if Redis cannot be told. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.owned = new Set();
    await this.table.leave(this.managerId).catch((err: unknown) => this.logger.warn({ err }, 'left without saying so'));
  }

  private announce(): void {
    if (performance.now() - this.toldAt > loneAfterMs) this.take([this.managerId]);
    if (this.announcing) return;
    this.announcing = true;
    this.table
      .announce(this.managerId)
      .then(
        (managers) => {
          this.toldAt = performance.now();
          this.take(managers);
        },
        (err: unknown) => this.logger.warn({ err }, 'the other stream managers could not be asked for'),
      )
      .finally(() => {
        this.announcing = false;
      });
  }

  private take(managers: readonly string[]): void {
    if (this.stopped) return;
    const before = this.owned;
    this.managers = managers;
    this.owned = new Set(shardsOf(this.managerId, managers, this.shardCount));
    const gained = this.shards.filter((shard) => !before.has(shard));
    if (gained.length === 0 && before.size === this.owned.size) return;
    this.logger.info({ shards: this.shards, managers: managers.length }, 'shards');
    for (const shard of gained) this.onGained(shard);
  }
}
