import { execFileSync } from 'node:child_process';

/** Processes that are stopped in their tracks and go on together: a process and its children. */
export class ProcessGroup {
  private readonly paused = new Set<number>();

  /** Pauses a process and its children. */
  pause(pid: number): void {
    // The parent first: it starts no further ones then.
    this.pauseOne(pid);
    for (const child of childrenOf(pid)) this.pauseOne(child);
  }

  /** Lets all that were paused go on. */
  resume(): void {
    for (const pid of this.paused) signal(pid, 'SIGCONT');
    this.paused.clear();
  }

  private pauseOne(pid: number): void {
    if (signal(pid, 'SIGSTOP')) this.paused.add(pid);
  }
}

function childrenOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([id, parent]) => (parent === pid && id !== undefined ? [id] : []));
}

/** Whether the process was there to be told. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
