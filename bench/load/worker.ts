/** A process that carries out one plan and ends. It ends with its parent. */
import type { Parent } from './parent.ts';
import type { Plan, Report, Result } from './plan.ts';
import { runConnect } from './run-connect.ts';
import { runListen } from './run-listen.ts';
import { runResume } from './run-resume.ts';
import { runStream } from './run-stream.ts';

const report = (message: Report) => void process.send?.(message);
let goOn = () => {};

const parent: Parent = {
  mark: (name) => report({ type: 'mark', name }),
  pause: (name) =>
    new Promise((resolve) => {
      goOn = resolve;
      report({ type: 'pause', name });
    }),
};

function carryOut(plan: Plan): Promise<Result> {
  if (plan.kind === 'stream') return runStream(plan, parent);
  if (plan.kind === 'listen') return runListen(plan, parent);
  return plan.kind === 'connect' ? runConnect(plan, parent) : runResume(plan, parent);
}

process.on('disconnect', () => process.exit());
// The parent is the only one who can send, and sends a plan or that it is over with a pause.
process.on('message', (message: Plan | 'go on') => {
  if (message === 'go on') return goOn();
  carryOut(message)
    .then((result) => report({ type: 'result', result }))
    .catch((error: unknown) => report({ type: 'failed', why: error instanceof Error ? error.message : String(error) }));
});
report({ type: 'ready' });
