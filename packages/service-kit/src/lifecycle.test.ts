import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';

const fixture = fileURLToPath(new URL('./lifecycle.fixture.mjs', import.meta.url));
const orphanFixture = fileURLToPath(new URL('./orphan.fixture.mjs', import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts the compiled kit in a process of its own, behaving as `mode` says. */
function run(mode: string, environment: Record<string, string> = {}) {
  const child = fork(fixture, [mode], { silent: true, env: { ...process.env, ...environment } });
  children.push(child);
  let output = '';
  let errors = '';
  child.stdout?.on('data', (data) => (output += data));
  child.stderr?.on('data', (data) => (errors += data));
  // 'close' would say it in one event, but does not come after `disconnect()`.
  const over = [[child, 'exit'] as const, [child.stdout, 'end'] as const, [child.stderr, 'end'] as const];
  const ended = Promise.all(
    over.map(([source, event]) => new Promise<void>((resolve) => source?.once(event, () => resolve()))),
  ).then(() => ({ code: child.exitCode, output, errors }));
  const listening = new Promise<unknown>((resolve) => child.once('message', resolve));
  return { child, ended, listening };
}

describe('an app', () => {
  it('tells its parent where it listens, and stops once on a signal', async () => {
    const app = run('normal');
    expect(await app.listening).toMatchObject({ type: 'listening', port: 4321, url: 'http://127.0.0.1:4321' });
    app.child.kill('SIGTERM');
    app.child.kill('SIGINT');
    const { code, output } = await app.ended;
    expect(code).toBe(0);
    expect(output).toContain('"msg":"listening"');
    expect(output.match(/fixture stopped/g)).toHaveLength(1);
  });

  it('stops when its parent goes away', async () => {
    const app = run('normal');
    await app.listening;
    app.child.disconnect();
    expect(await app.ended).toMatchObject({ code: 0, output: expect.stringContaining('fixture stopped') });
  });

  it('stops when its parent was killed, although nobody takes its output any more', async () => {
    const parent = fork(orphanFixture, { silent: true });
    let said = '';
    parent.stdout?.on('data', (data) => (said += data));
    await once(parent, 'exit');
    await vi.waitFor(() => expect(isRunning(Number(said))).toBe(false), { timeout: 30_000 });
  });

  it('ends with an error when it cannot stop in time', async () => {
    const app = run('never stops');
    await app.listening;
    app.child.kill('SIGTERM');
    expect(await app.ended).toMatchObject({ code: 1, output: expect.stringContaining('did not stop within') });
  });

  it('ends with an error when one is caught by nothing', async () => {
    expect(await run('rejects').ended).toMatchObject({
      code: 1,
      output: expect.stringContaining('nobody caught this'),
    });
  });

  it('tells in plain lines what is wrong with its configuration', async () => {
    const { code, output, errors } = await run('configured', { FIXTURE_PORT: 'x' }).ended;
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(errors).toBe(
      'fixture: The configuration is not right:\n  FIXTURE_PORT: expected a whole number from 0 to 65535\n',
    );
  });

  it('tells in one line which port is taken and what sets it', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { code, errors } = await run('configured', { FIXTURE_PORT: String(port) }).ended;
    taken.close();
    expect(code).toBe(1);
    expect(errors).toBe(`fixture: port ${port} on 127.0.0.1 is in use; set FIXTURE_PORT to another one\n`);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
