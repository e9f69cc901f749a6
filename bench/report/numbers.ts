import { max, median, min } from 'simple-statistics';
import type { Figure } from '../scenarios/scenario.ts';

export interface Summary {
  median: number;
  min: number;
  max: number;
}

/** Median and spread of some runs; undefined if there were none. */
export function summarize(values: readonly number[] | undefined): Summary | undefined {
  if (!values || values.length === 0) return undefined;
  const all = [...values];
  return { median: median(all), min: min(all), max: max(all) };
}

export function inWords(value: number, { decimals }: Pick<Figure, 'decimals'>): string {
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** How many times the yardstick's value this is. */
export function ratio(value: number, yardstick: number | undefined): string {
  return yardstick === undefined || yardstick === 0 ? '–' : `${(value / yardstick).toFixed(2)}×`;
}
