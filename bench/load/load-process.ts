import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { end } from '../processes/end-process.ts';
import { type Plan, type Result, type ResultOf, reportSchema } from './plan.ts';

export interface LoadOptions {
  /** The measured time begins or ends. */
  onMark?: (name: 'begin' | 'end') => void;
  /** Load has stopped between two steps and goes on once this resolves. */
  onPause?: (name: string) => Promise<void>;
  signal: AbortSignal;
}

const worker = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Carries out a plan in a process of its own, which ends with this one at the latest. */
export async function runLoad<P extends Plan>(plan: P, options: LoadOptions): Promise<ResultOf<P>> {
  const { onMark = () => {}, onPause = async () => {}, signal } = options;
  const child = fork(worker, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'], signal });
  try {
    return await new Promise<ResultOf<P>>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, killed) => reject(new Error(`the load process ended with ${code ?? killed}`)));
      child.on('message', (message) => {
        const report = reportSchema.parse(message);
        if (report.type === 'ready') child.send(plan);
        else if (report.type === 'mark') onMark(report.name);
        else if (report.type === 'pause') onPause(report.name).then(() => child.send('go on'), reject);
        else if (report.type === 'failed') reject(new Error(report.why));
        else if (isResultOf(plan, report.result)) resolve(report.result);
      });
    });
  } finally {
    await end(child, 'SIGKILL');
  }
}

function isResultOf<P extends Plan>(plan: P, result: Result): result is ResultOf<P> {
  return result.kind === plan.kind;
}
