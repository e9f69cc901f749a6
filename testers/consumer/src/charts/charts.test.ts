import { describe, expect, it } from 'vitest';
import { FieldHistory, maxFields, maxSeriesPerField } from './field-history.ts';
import { numericFields } from './numeric-fields.ts';

describe('numericFields', () => {
  it('finds numbers in objects and arrays, and nothing that only looks like one', () => {
    const data = {
      temperature: 24.3,
      cpu: { load: [1, 2] },
      text: '5',
      none: null,
      yes: true,
      huge: Number.POSITIVE_INFINITY,
    };
    expect(numericFields(data, 10)).toEqual([
      { path: 'temperature', value: 24.3 },
      { path: 'cpu.load[0]', value: 1 },
      { path: 'cpu.load[1]', value: 2 },
    ]);
  });

  it('stops at the limit, and does not follow endless nesting', () => {
    expect(numericFields({ many: Array(1_000).fill(1) }, 7)).toHaveLength(7);
    expect(numericFields({ a: { b: { c: { d: { e: 1 } } } } }, 10)).toEqual([]);
  });
});

describe('FieldHistory', () => {
  const valuesOf = (history: FieldHistory, nowMs: number) =>
    history.charts(nowMs)[0]?.series[0]?.values.filter((value) => value !== null);

  it('keeps the newest value of each half second', () => {
    const history = new FieldHistory();
    for (const [ms, value] of [
      [0, 1],
      [100, 2],
      [600, 3],
    ] as const) {
      history.add(ms, 'd', 'x', value);
    }
    expect(valuesOf(history, 600)).toEqual([2, 3]);
  });

  it('gives as many times as values, the last one now', () => {
    const history = new FieldHistory();
    history.add(10_000, 'd', 'x', 1);
    const [chart] = history.charts(12_000);
    expect(chart?.times).toHaveLength(240);
    expect(chart?.times.at(-1)).toBe(12);
    expect(chart?.series[0]?.values).toHaveLength(240);
    expect(chart?.series[0]?.values.at(-5)).toBe(1);
  });

  it('forgets a device that was silent for the whole window, and makes room for another', () => {
    const history = new FieldHistory();
    for (let device = 0; device <= maxSeriesPerField; device += 1) history.add(0, `d${device}`, 'x', device);
    expect(history.charts(0)[0]).toMatchObject({ series: { length: maxSeriesPerField }, hiddenDevices: 1 });
    history.add(200_000, 'new', 'x', 1);
    expect(history.charts(200_000)[0]?.series.map(({ device }) => device)).toEqual(['new']);
    expect(history.charts(900_000)).toEqual([]);
  });

  it('draws no more fields than it has room for, and says so', () => {
    const history = new FieldHistory();
    for (let field = 0; field < maxFields; field += 1) history.add(0, 'd', `f${field}`, 1);
    expect(history.hasMoreFields).toBe(false);
    history.add(0, 'd', 'one more', 1);
    expect(history.hasMoreFields).toBe(true);
    expect(history.charts(0)).toHaveLength(maxFields);
  });
});
