// Starts lifecycle.fixture.mjs with pipes for its output, says its process id, and is gone without a goodbye.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('./lifecycle.fixture.mjs', import.meta.url));
const child = fork(file, ['normal'], { silent: true, detached: true });
child.on('message', () => process.stdout.write(`${child.pid}\n`, () => process.kill(process.pid, 'SIGKILL')));
