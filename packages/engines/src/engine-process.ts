import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** How an engine is asked to end: at once but in order (`stop`), or without a chance to write anything (`kill`). */
export interface EngineProcess {
  readonly pid: number;
  /** Resolves once the process is gone, however it ended. */
  readonly gone: Promise<void>;
  /** Asks with `signal`, and after `graceMs` kills. Resolves once the process is gone. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a program whose output goes to `logFile`, which is begun anew, so that it does not grow for ever. */
export async function startEngineProcess(
  command: string,
  args: readonly string[],
  logFile: string,
  options: SpawnOptions = {},
): Promise<EngineProcess> {
  const log = openSync(logFile, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(command, args, { ...options, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} did not start`);
  return {
    pid,
    gone,
    async stop(signal, graceMs) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await gone;
      clearTimeout(timer);
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** The last lines of a log, for an error message. */
export function lastLines(logFile: string, count = 5): string {
  try {
    return readFileSync(logFile, 'utf8').trim().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}
