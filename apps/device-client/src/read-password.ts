import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { DeviceConfig } from './config.ts';

interface Terminal {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
}

/** The password from where the configuration says. Throws with what to do if there is none, and when the signal aborts. */
export async function readPassword(
  config: Pick<DeviceConfig, 'password' | 'source' | 'username'>,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<string> {
  const { password } = config;
  if (password !== 'ask' && 'text' in password) return password.text;
  if (password !== 'ask') {
    const content = await readFile(password.file, 'utf8').catch((cause: unknown) => {
      throw new Error(`--password-file: ${password.file} cannot be read`, { cause });
    });
    const text = content.replace(/\r?\n$/, '');
    if (text === '') throw new Error(`${password.file} is empty: expected the password`);
    return text;
  }
  if (config.source.kind === 'stdin' || !terminal.input.isTTY) {
    throw new Error('no password: give --password-file or set MOTIENCE_PASSWORD');
  }
  return askHidden(`Password of ${config.username}: `, terminal, signal);
}

async function askHidden(question: string, { input, output }: Terminal, signal: AbortSignal): Promise<string> {
  output.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true });
  // While it reads keys itself, the terminal sends no SIGINT for Ctrl-C.
  const interrupted = new AbortController();
  lines.on('SIGINT', () => interrupted.abort());
  try {
    return await lines.question('', { signal: AbortSignal.any([signal, interrupted.signal]) });
  } catch (cause) {
    throw new Error('no password given', { cause });
  } finally {
    lines.close();
    output.write('\n');
  }
}
