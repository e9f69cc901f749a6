const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `1,234`; from 100,000 on `123.4K`. */
export function formatCount(count: number): string {
  return Math.abs(count) < 100_000 ? whole.format(count) : short.format(count);
}

/** Readings per second: `0`, `0.4`, `12.5`, `1,204`. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0';
  return perSecond < 100 ? oneDigit.format(perSecond) : formatCount(perSecond);
}

/** A span in the unit that suits it: `0.8 ms`, `312 ms`, `4.2 s`, `3 min`, `5 h`, `12 d`. */
export function formatSpan(milliseconds: number): string {
  const size = Math.abs(milliseconds);
  if (size < 10) return `${oneDigit.format(milliseconds)} ms`;
  if (size < 1_000) return `${whole.format(milliseconds)} ms`;
  if (size < 120_000) return `${oneDigit.format(milliseconds / 1_000)} s`;
  if (size < 7_200_000) return `${whole.format(milliseconds / 60_000)} min`;
  if (size < 172_800_000) return `${whole.format(milliseconds / 3_600_000)} h`;
  return `${short.format(milliseconds / 86_400_000)} d`;
}

/** `512 B`, `1.5 KiB`, `3.2 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${oneDigit.format(bytes / 1024)} KiB`;
  return `${oneDigit.format(bytes / 1024 / 1024)} MiB`;
}

const pad = (part: number, digits = 2) => String(part).padStart(digits, '0');

/** Time of day with milliseconds, on this machine's clock. */
export function formatTime(epochMs: number): string {
  const date = new Date(epochMs);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** `1 reading`, `3 readings`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
