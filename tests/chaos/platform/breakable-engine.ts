import { setTimeout as delay } from 'node:timers/promises';

export interface EngineControls {
  /** Ends all connections, where the engine can be asked to. */
  cut?(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again, at the same address. */
  restart(): Promise<void>;
  /** `SIGSTOP` to all its processes; does nothing if there are none. */
  pause(): Promise<void>;
  /** `SIGCONT` to those that were paused, whatever became of them. */
  resume(): Promise<void>;
}

/** A PostgreSQL, a Redis or a node of a Redis Cluster, to be killed and frozen. */
export class BreakableEngine {
  private isDown = false;

  constructor(
    readonly name: string,
    private readonly controls: EngineControls,
  ) {}

  get canCut(): boolean {
    return this.controls.cut !== undefined;
  }

  /** Ends all its connections, if it can be asked to; it may be away. */
  async cut(): Promise<void> {
    await this.controls.cut?.().catch(() => {});
  }

  /** Kills it, and starts it again after `downMs`. Does nothing while it is down. */
  async kill(downMs: number): Promise<void> {
    if (this.isDown) return;
    this.isDown = true;
    try {
      await this.controls.kill();
      // What a frozen PostgreSQL left running would keep its memory, and so its successor from starting.
      await this.controls.resume();
      await delay(downMs);
      await this.controls.restart();
    } finally {
      this.isDown = false;
    }
  }

  /** Stops it in its tracks for a while. */
  async freeze(forMs: number): Promise<void> {
    if (this.isDown) return;
    await this.controls.pause();
    await delay(forMs);
    await this.controls.resume();
  }
}
