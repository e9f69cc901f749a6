import type { Measures } from '@motience/protocol';
import { expect, it } from 'vitest';
import { describeMeasures, measuresInShort } from './describe-measures.ts';

const nothing: Measures = {
  until: '2026-01-01T00:00:00Z',
  first_seen_at: null,
  last_seen_at: null,
  rate: { readings_per_second: null, readings: 0, seconds_counted: 0, bytes: 0 },
  devices: { last_24_hours: 0, last_30_days: 0 },
  uptime: {
    last_24_hours: { share: null, minutes_with_readings: 0, minutes_counted: 0 },
    last_30_days: { share: null, minutes_with_readings: 0, minutes_counted: 0 },
  },
  gaps: { last_24_hours: { count: 0, longest_seconds: 0 }, last_30_days: { count: 0, longest_seconds: 0 } },
  latency: { average_ms: null, longest_ms: null, readings_measured: 0, readings_checked: 0 },
  dictionary: { share_fitting: null, readings_fitting: 0, readings_checked: 0, since: null },
};

it('claims nothing where nothing was counted', () => {
  expect(measuresInShort(null)).toBe('Nothing measured yet');
  expect(measuresInShort(nothing)).toBe('Nothing measured yet');
  const unknown = describeMeasures(nothing).filter(({ value }) => value === undefined);
  expect(unknown.map(({ label, from }) => `${label}: ${from}`)).toEqual([
    'Rate, 24 h: no whole minute yet',
    'Uptime, 24 h: readings in 0 of 0 minutes',
    'Uptime, 30 d: readings in 0 of 0 minutes',
    'Latency, 24 h: no reading measured',
    'Fits its dictionary: no reading checked',
  ]);
});

it('shows each figure beside its inputs, and rounds no share up to the whole', () => {
  const uptime = { share: 0.99999, minutes_with_readings: 1_439, minutes_counted: 1_440 };
  const measured: Measures = {
    ...nothing,
    rate: { readings_per_second: 0.002, readings: 173, seconds_counted: 86_400, bytes: 1 },
    uptime: { last_24_hours: uptime, last_30_days: uptime },
  };
  expect(measuresInShort(measured)).toBe('Measured, 24 h: 7.2 readings/h, heard in 99.9 % of the minutes');
  expect(describeMeasures(measured).slice(0, 2)).toEqual([
    { label: 'Rate, 24 h', value: '7.2 readings/h', from: '173 readings in 24 h' },
    { label: 'Uptime, 24 h', value: '99.9 %', from: 'readings in 1,439 of 1,440 minutes' },
  ]);
});

it('says which minutes were not counted because the platform was down', () => {
  const uptime = { share: 1, minutes_with_readings: 1_435, minutes_counted: 1_435, minutes_platform_down: 5 };
  const measured: Measures = { ...nothing, uptime: { ...nothing.uptime, last_24_hours: uptime } };
  expect(describeMeasures(measured)[1]).toEqual({
    label: 'Uptime, 24 h',
    value: '100 %',
    from: 'readings in 1,435 of 1,435 minutes, and 5 minutes not counted: the platform was down',
  });
});
