import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

/**
 * A password from a file, from standard input (`-`, or when that is no terminal), or asked for twice without showing
 * it. Never from an argument, which every user of the machine can see. A line end after it does not belong to it.
 */
export async function readPassword(file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') return withoutLineEnd(await readFile(file, 'utf8'));
  if (file === '-' || !process.stdin.isTTY) return withoutLineEnd(await text(process.stdin));
  const password = await ask('Password: ');
  if ((await ask('Once more: ')) !== password) throw new Error('the two passwords differ');
  return password;
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
