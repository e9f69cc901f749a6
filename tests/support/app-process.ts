import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGKILL';
type PausingSignal = 'SIGSTOP' | 'SIGCONT';

/** How a process ended, and all it wrote. */
interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/** A compiled app in a process of its own. It ends with the test process at the latest. */
export interface AppProcess {
  /** Resolves with its port once it serves; rejects with what it wrote if it ends before. */
  readonly listening: Promise<number>;
  readonly ended: Promise<Ended>;
  /** What it has logged so far. */
  output(): string;
  /** Freezes the process or has it go on. */
  signal(signal: PausingSignal): void;
  /** Sends a signal and resolves once the process is gone. */
  end(signal: Signal): Promise<Ended>;
}

/** Runs `apps/<name>/dist/main.js`, configured by `environment` alone. */
export function runApp(name: string, environment: Record<string, string>): AppProcess {
  const main = fileURLToPath(new URL(`../../apps/${name}/dist/main.js`, import.meta.url));
  const child = fork(main, { silent: true, env: { PATH: process.env.PATH, ...environment } });
  let output = '';
  let errors = '';
  child.stdout?.on('data', (text) => (output += text));
  child.stderr?.on('data', (text) => (errors += text));
  const ended = whenEnded(child).then((code) => ({ code, output, errors }));
  const listening = new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(portIn(message)));
    void ended.then(() => reject(new Error(`${name} ended: ${errors}${output}`)));
  });
  listening.catch(() => {});
  return {
    listening,
    ended,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** 'close' would say it in one event, but does not always come where there is an IPC channel. */
async function whenEnded(child: ChildProcess): Promise<number | null> {
  const over = [[child, 'exit'] as const, [child.stdout, 'end'] as const, [child.stderr, 'end'] as const];
  await Promise.all(
    over.map(([source, event]) => new Promise<void>((resolve) => source?.once(event, () => resolve()))),
  );
  return child.exitCode;
}

function portIn(message: unknown): number {
  if (typeof message === 'object' && message !== null && 'port' in message) return Number(message.port);
  throw new Error(`expected the message "listening", got ${JSON.stringify(message)}`);
}
