import { createInterface } from 'node:readline/promises';

/** Asks the person at the terminal, yes being the default; undefined where there is no terminal to ask at. */
export function terminalConfirm(): ((question: string) => Promise<boolean>) | undefined {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  return async (question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    try {
      return /^(y(es)?)?$/i.test((await terminal.question(`${question} [Y/n] `)).trim());
    } finally {
      terminal.close();
    }
  };
}
