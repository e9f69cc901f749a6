import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../apps/billing-api/bin/motience-reconcile.js', import.meta.url));

/** Exit code for books that do not agree; with any other but 0 it could not look. */
const mismatchFound = 2;

export interface Reconciled {
  /** Undefined: it could not look. */
  agrees: boolean | undefined;
  /** What it said. */
  text: string;
}

/** Runs `motience-reconcile` as a process of its own. */
export function reconcile(databaseUrl: string): Promise<Reconciled> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl };
    execFile(process.execPath, [command], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      const agrees = !error || (error.code === mismatchFound ? false : undefined);
      resolve({ agrees, text: `${stdout}${stderr}`.trim() });
    });
  });
}

/** Reconciles again and again, with a pause in between, until told to stop; then gives what did not agree, and how often all did. */
export function keepReconciling(
  databaseUrl: string,
  pauseMs: number,
): () => Promise<{ agreed: number; mismatches: string[] }> {
  const stopping = new AbortController();
  const mismatches: string[] = [];
  let agreed = 0;
  const run = async () => {
    while (!stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        stopping.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      if (stopping.signal.aborted) return;
      const { agrees, text } = await reconcile(databaseUrl);
      if (agrees) agreed += 1;
      else if (agrees === false) mismatches.push(text);
    }
  };
  const over = run();
  return async () => {
    stopping.abort();
    await over;
    return { agreed, mismatches };
  };
}
