import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { waitFor } from './wait.ts';

/**
 * Names one life of a process: its pid and when it started. A pid alone is reused by the system, so a pid found in a
 * file proves nothing. Undefined when no such process runs.
 */
export function processIdentity(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === 'linux') {
    const fields = readProcFile(pid, 'stat');
    // The command is in parentheses and may itself contain some; what follows the last one is fixed.
    const rest = fields?.slice(fields.lastIndexOf(')') + 2).split(' ');
    if (rest === undefined || rest[0] === 'Z') return undefined;
    return rest[19] === undefined ? undefined : `${pid}@${rest[19]}`;
  }
  const { stdout, status } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && stdout.trim() !== '' ? `${pid}@${stdout.trim()}` : undefined;
}

/** The command line of a running process, arguments joined by spaces; undefined when no such process runs. */
export function processCommand(pid: number): string | undefined {
  if (processIdentity(pid) === undefined) return undefined;
  if (process.platform === 'linux') return readProcFile(pid, 'cmdline')?.replaceAll('\0', ' ').trim();
  const { stdout, status } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Ends a process that no one of us started, provided its command line names `mark`: by `signal`, and if that does not
 * end it within `graceMs`, by force. Resolves once it is gone; does nothing when that pid is another program's.
 */
export async function endLeftOver(pid: number, mark: string, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  const identity = processIdentity(pid);
  if (identity === undefined || !processCommand(pid)?.includes(mark)) return;
  const gone = () => processIdentity(pid) !== identity;
  process.kill(pid, signal);
  if (await waitFor(gone, graceMs)) return;
  process.kill(pid, 'SIGKILL');
  await waitFor(gone, 5_000);
}

function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
