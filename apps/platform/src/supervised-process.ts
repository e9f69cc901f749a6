import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { LogFile } from './log-file.ts';

export interface ProcessPlan {
  name: string;
  /** Compiled entry file. */
  file: string;
  args: readonly string[];
  /** Extra flags for Node itself. */
  nodeArgs: readonly string[];
  /** The environment of the next start; `port` is the one reported by the start before. */
  environment(port: number | undefined): NodeJS.ProcessEnv;
  /** Whether it reports the port it listens on; otherwise it counts as up once it runs. */
  reportsPort: boolean;
  /** Whether a line it writes to its standard error is for the reader; all of them are kept in the log. */
  isComplaint(line: string): boolean;
  logFile: string;
}

const listeningSchema = z.object({ type: z.literal('listening'), port: z.int() });
const logLineSchema = z.object({
  level: z.enum(['warn', 'error', 'fatal']),
  msg: z.string(),
  err: z.object({ message: z.string() }).optional(),
});

const startDeadlineMs = 60_000;
const stopDeadlineMs = 12_000;
const longestWaitMs = 30_000;
/** One that ran this long is not in a loop of failures: its next restart comes at once again. */
const settledMs = 60_000;
const mostComplaints = 20;
const mostAnnounced = 10;

/** A process that is started again, after ever longer waits, when it ends without having been asked to. */
export class SupervisedProcess {
  /** The port it listens on, kept over restarts. */
  port: number | undefined;
  private child: ChildProcess | undefined;
  private stopping = false;
  private restart: NodeJS.Timeout | undefined;
  private failures = 0;
  private lastWords = '';
  /** What it complained about since it was last started; the error of a start that failed. */
  private complaints: string[] = [];
  /** How much of that was passed on. */
  private announced = 0;
  private readonly log: LogFile;

  constructor(
    private readonly plan: ProcessPlan,
    /** Told in words what the reader should know. */
    private readonly announce: (text: string) => void,
  ) {
    this.log = new LogFile(plan.logFile);
  }

  /** Resolves once it is up. Throws with its own last words when it ends before, and then does not try again. */
  async start(): Promise<void> {
    try {
      await this.launch();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Asks it to end, and ends it by force after a while. Resolves once it is gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (child && isRunning(child)) {
      // 'close' and not 'exit': only then all it said is in the log.
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
      await gone;
      clearTimeout(force);
    }
    this.log.close();
  }

  private launch(): Promise<void> {
    const { file, args, nodeArgs, environment } = this.plan;
    const child = fork(file, [...args], {
      env: environment(this.port),
      execArgv: [...nodeArgs],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In a group of its own, so that Ctrl-C reaches only us and everything is stopped in order.
      detached: true,
    });
    this.child = child;
    this.complaints = [];
    this.announced = 0;
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.readLog(line));
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => this.readError(line));
    const startedAt = performance.now();

    return new Promise((resolve, reject) => {
      let isUp = false;
      const up = () => {
        clearTimeout(deadline);
        isUp = true;
        resolve();
      };
      const deadline = setTimeout(() => {
        reject(new Error(`${this.plan.name} did not start within ${startDeadlineMs / 1000} s`));
        child.kill('SIGKILL');
      }, startDeadlineMs);
      if (!this.plan.reportsPort) child.once('spawn', up);
      child.on('message', (message) => {
        const parsed = listeningSchema.safeParse(message);
        if (!parsed.success) return;
        this.port = parsed.data.port;
        up();
      });
      child.once('error', (error) => {
        clearTimeout(deadline);
        reject(error);
      });
      // 'close' and not 'exit': only then everything it said has been read.
      child.once('close', (code, signal) => {
        clearTimeout(deadline);
        const how = signal ?? `exit code ${code}`;
        if (isUp) this.scheduleRestart(how, performance.now() - startedAt);
        else reject(new Error(this.complaints.join('\n') || `${this.plan.name} did not start (${how})`));
      });
    });
  }

  private scheduleRestart(how: string, ranMs: number): void {
    if (this.stopping) return;
    this.failures = ranMs > settledMs ? 0 : this.failures + 1;
    const waitMs = Math.min(500 * 2 ** Math.max(0, this.failures - 1), longestWaitMs);
    this.announce(`${this.plan.name} ended (${how}); starting it again in ${waitMs / 1000} s`);
    this.restart = setTimeout(() => void this.relaunch(), waitMs);
  }

  private async relaunch(): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.launch();
      // Of one that does not report, nothing more is known than that it runs.
      if (!this.stopping && this.plan.reportsPort) this.announce(`${this.plan.name} is back`);
    } catch (error) {
      this.scheduleRestart(error instanceof Error ? error.message : String(error), performance.now() - startedAt);
    }
  }

  private readLog(line: string): void {
    this.log.write(line);
    const parsed = logLineSchema.safeParse(parseJson(line));
    if (!parsed.success) return;
    const { msg, err } = parsed.data;
    this.say(err === undefined ? msg : `${msg}: ${err.message}`);
  }

  private readError(line: string): void {
    this.log.write(line);
    if (line.trim() !== '' && this.plan.isComplaint(line)) this.say(line);
  }

  /** Passes on what the process complains about, once however often it says it in a row. */
  private say(text: string): void {
    const own = `${this.plan.name}: `;
    const words = text.startsWith(own) || text.startsWith(' ') ? text : own + text;
    if (words === this.lastWords) return;
    this.lastWords = words;
    this.complaints = [...this.complaints, words].slice(-mostComplaints);
    const isFirstStart = this.plan.reportsPort && this.port === undefined;
    if (this.stopping || isFirstStart) return;
    this.announced += 1;
    if (this.announced <= mostAnnounced) this.announce(words);
    if (this.announced === mostAnnounced) this.announce(`${own}… and more in ${this.plan.logFile}`);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
