import { loadavg, uptime } from 'node:os';
import si from 'systeminformation';
import type { SteadyClock } from '../steady-clock.ts';
import { ticks } from './paced.ts';
import { readingText, type SourceItem } from './source.ts';

/** Figures of one kind, absent where this machine has none. */
type Figures = Record<string, number | null | undefined>;

/** This machine's own figures as one flat object of numbers; units are in the names. Figures it lacks are left out. */
async function measureSystem(): Promise<Record<string, number>> {
  const groups = await Promise.all([cpu(), memory(), disk(), network()]);
  const [oneMinute, fiveMinutes] = loadavg();
  const all: Figures = { load_average_1m: oneMinute, load_average_5m: fiveMinutes, uptime_seconds: uptime() };
  for (const group of groups) Object.assign(all, group);
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      typeof value === 'number' && Number.isFinite(value) ? [[name, Math.round(value * 100) / 100]] : [],
    ),
  );
}

/** A reading of this machine per interval, measured when it is due, until the signal. */
export async function* systemSource(
  deviceId: string,
  clock: SteadyClock,
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<SourceItem> {
  for await (const _due of ticks(intervalMs, signal)) {
    const figures = await measureSystem();
    yield { text: readingText(deviceId, clock.now(), JSON.stringify(figures)) };
  }
}

async function cpu(): Promise<Figures> {
  const [load, temperature] = await Promise.all([si.currentLoad(), si.cpuTemperature()]);
  return { cpu_load_percent: load.currentLoad, cpu_temperature_celsius: temperature.main };
}

async function memory(): Promise<Figures> {
  const { total, available, swapused } = await si.mem();
  const used = total - available;
  return {
    memory_total_bytes: total,
    memory_used_bytes: used,
    memory_used_percent: (used / total) * 100,
    swap_used_bytes: swapused,
  };
}

async function disk(): Promise<Figures> {
  const [systems, speed] = await Promise.all([si.fsSize(), si.fsStats()]);
  const root = systems.find(({ mount }) => mount === '/') ?? systems[0];
  return {
    disk_total_bytes: root?.size,
    disk_used_bytes: root?.used,
    disk_used_percent: root?.use,
    disk_read_bytes_per_second: speed?.rx_sec,
    disk_written_bytes_per_second: speed?.wx_sec,
  };
}

async function network(): Promise<Figures> {
  const interfaces = await si.networkStats();
  const sum = (pick: (each: (typeof interfaces)[number]) => number | null) =>
    interfaces.every((each) => pick(each) === null)
      ? null
      : interfaces.reduce((total, each) => total + (pick(each) ?? 0), 0);
  return {
    network_received_bytes_per_second: sum(({ rx_sec }) => rx_sec),
    network_sent_bytes_per_second: sum(({ tx_sec }) => tx_sec),
  };
}
