import type { Measures } from '@motience/protocol';
import { formatCount, formatRate, formatSpan, plural } from '../figures/format.ts';

/** One measured figure with what it was computed from; no value where nothing was counted. */
export interface MeasuredFigure {
  label: string;
  value: string | undefined;
  from: string;
}

/** What was measured of a stream, each figure beside its inputs. */
export function describeMeasures(measures: Measures): MeasuredFigure[] {
  const { rate, uptime, gaps, latency, devices, dictionary } = measures;
  return [
    {
      label: 'Rate, 24 h',
      value: rate.readings_per_second === null ? undefined : `${rateInWords(rate.readings_per_second)}`,
      from:
        rate.seconds_counted === 0
          ? 'no whole minute yet'
          : `${plural(rate.readings, 'reading')} in ${formatSpan(rate.seconds_counted * 1_000)}`,
    },
    uptimeFigure('Uptime, 24 h', uptime.last_24_hours),
    uptimeFigure('Uptime, 30 d', uptime.last_30_days),
    {
      label: 'Silences, 24 h',
      value: String(gaps.last_24_hours.count),
      from:
        gaps.last_24_hours.count === 0
          ? 'none of more than a minute'
          : `of more than a minute, the longest ${formatSpan(gaps.last_24_hours.longest_seconds * 1_000)}`,
    },
    {
      label: 'Latency, 24 h',
      value: latency.average_ms === null ? undefined : formatSpan(latency.average_ms),
      from:
        latency.readings_measured === 0
          ? 'no reading measured'
          : `average of ${plural(latency.readings_measured, 'reading')}, from timestamp to receipt`,
    },
    {
      label: 'Devices, 24 h',
      value: String(devices.last_24_hours),
      from: `of ${devices.last_30_days} over 30 d`,
    },
    {
      label: 'Fits its dictionary',
      value: dictionary.share_fitting === null ? undefined : shareInWords(dictionary.share_fitting),
      from:
        dictionary.readings_checked === 0
          ? 'no reading checked'
          : `${formatCount(dictionary.readings_fitting)} of ${plural(dictionary.readings_checked, 'reading')} checked`,
    },
  ];
}

/** The figures worth a glance, or that there are none. */
export function measuresInShort(measures: Measures | null): string {
  const rate = measures?.rate.readings_per_second ?? null;
  const share = measures?.uptime.last_24_hours.share ?? null;
  if (rate === null && share === null) return 'Nothing measured yet';
  const words = [
    ...(rate === null ? [] : [rateInWords(rate)]),
    ...(share === null ? [] : [`heard in ${shareInWords(share)} of the minutes`]),
  ];
  return `Measured, 24 h: ${words.join(', ')}`;
}

function uptimeFigure(label: string, uptime: Measures['uptime']['last_24_hours']): MeasuredFigure {
  const { share, minutes_with_readings: heard, minutes_counted: counted, minutes_platform_down: down = 0 } = uptime;
  const notCounted = down === 0 ? '' : `, and ${plural(down, 'minute')} not counted: the platform was down`;
  return {
    label,
    value: share === null ? undefined : shareInWords(share),
    from: `readings in ${formatCount(heard)} of ${plural(counted, 'minute')}${notCounted}`,
  };
}

/** Slow streams would all be 0.0 a second. */
function rateInWords(perSecond: number): string {
  if (perSecond >= 0.1 || perSecond === 0) return `${formatRate(perSecond)} readings/s`;
  const perHour = perSecond * 3_600;
  return perHour >= 0.1 ? `${formatRate(perHour)} readings/h` : 'less than a reading in 10 h';
}

/** Rounded down, so that only what is whole is 100 %. */
function shareInWords(share: number): string {
  return `${(Math.floor(share * 1_000) / 10).toLocaleString('en')} %`;
}
