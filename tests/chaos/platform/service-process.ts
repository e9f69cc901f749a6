import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const restartPauseMs = 500;

/** A service that is started again whenever it ends, until it is stopped. */
export class ServiceProcess {
  /** Ends that nobody asked for, with what the process ended with. */
  readonly unexpectedEnds: string[] = [];
  private child: ChildProcess | undefined;
  private killed = false;
  private stopping = false;
  private restart: NodeJS.Timeout | undefined;
  private readonly log: number;

  constructor(
    readonly name: string,
    private readonly app: string,
    private readonly environment: Record<string, string>,
    /** What it writes is added to this file. */
    logFile: string,
  ) {
    this.log = openSync(logFile, 'a', 0o600);
  }

  /** Starts it. Resolves once it serves; rejects if it ends before. */
  async start(): Promise<void> {
    const main = fileURLToPath(new URL(`../../../apps/${this.app}/dist/main.js`, import.meta.url));
    const child = fork(main, {
      // Nothing that a runner of tests or of TypeScript adds is for the services.
      execArgv: [],
      env: { PATH: process.env.PATH, ...this.environment },
      stdio: ['ignore', this.log, this.log, 'ipc'],
    });
    this.child = child;
    this.killed = false;
    child.once('exit', (code, signal) => this.ended(child, code, signal));
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', () => reject(new Error(`${this.name} ended before it served`)));
    });
  }

  /** `kill -9`, and a new start after `downMs`. */
  kill(downMs: number): void {
    const { child } = this;
    if (!child || this.killed || child.exitCode !== null || child.signalCode !== null) return;
    this.killed = true;
    child.kill('SIGKILL');
    this.startIn(downMs);
  }

  /** Ends it at once and for good. */
  abandon(): void {
    this.stopping = true;
    this.child?.kill('SIGKILL');
  }

  /** Stops it in its tracks for a while. */
  freeze(forMs: number): void {
    const { child } = this;
    child?.kill('SIGSTOP');
    setTimeout(() => child?.kill('SIGCONT'), forMs);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    await this.endChild();
    closeSync(this.log);
  }

  private async endChild(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(impatient);
  }

  private ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.stopping || this.killed || child !== this.child) return;
    this.unexpectedEnds.push(`${this.name} ended with ${code ?? signal}`);
    this.startIn(restartPauseMs);
  }

  private startIn(ms: number): void {
    this.restart = setTimeout(() => void this.start().catch(() => {}), ms);
  }
}
