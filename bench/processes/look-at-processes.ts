import { readdirSync, readFileSync } from 'node:fs';

interface ProcessSeen {
  pid: number;
  parent: number;
  command: string;
  /** User and system time since it was started. */
  cpuSeconds: number;
}

/** What Linux counts a process's time in, whatever its timer runs at. */
const ticksPerSecond = 100;
/** Fields of /proc/<pid>/stat after the command's closing bracket. */
const parentField = 1;
const userField = 11;
const systemField = 12;

/** All processes below `root`, from /proc; none where there is no /proc. */
export function descendants(root: number): ProcessSeen[] {
  const all = listProcesses();
  const found = new Set([root]);
  // A child may have a lower pid than its parent, once they have wrapped.
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => pid !== root && found.has(pid));
}

/** CPU time so far of what runs below this process, by what it is. */
export function cpuByPart(): Map<string, number> {
  const parts = new Map<string, number>();
  for (const { command, cpuSeconds } of descendants(process.pid)) {
    const part = partOf(command);
    parts.set(part, (parts.get(part) ?? 0) + cpuSeconds);
  }
  return parts;
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

function partOf(command: string): string {
  const [, app] = /apps\/([^/]+)\/dist/.exec(command) ?? [];
  if (app !== undefined) return app;
  if (command.includes('load/worker.ts')) return 'load';
  const [, server] = /bench\/servers\/([^/]+)\.ts/.exec(command) ?? [];
  if (server !== undefined) return server;
  const engine = ['redis', 'postgres', 'nats', 'nginx', 'mosquitto'].find((name) => command.includes(name));
  return engine ?? 'other';
}

function listProcesses(): ProcessSeen[] {
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const ticks = Number(fields[userField]) + Number(fields[systemField]);
      return [{ pid: Number(entry), parent: Number(fields[parentField]), command, cpuSeconds: ticks / ticksPerSecond }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}
