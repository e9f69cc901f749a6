const bucketMs = 500;
const bucketCount = 240;
export const maxFields = 24;
export const maxSeriesPerField = 6;

/** What one chart shows: a column of times and, for each device, a column of values with holes. */
export interface FieldChart {
  path: string;
  /** Seconds since 1970. */
  times: readonly number[];
  series: readonly { device: string; values: readonly (number | null)[]; latest: number }[];
  /** Devices that send this field and are not shown. */
  hiddenDevices: number;
}

/**
 * The last two minutes of every numeric field, by when it was received: the newest value of each half second. Its size
 * depends neither on how fast readings come nor on how many fields and devices there are.
 */
export class FieldHistory {
  readonly #fields = new Map<string, Map<string, { values: (number | null)[]; latest: number }>>();
  readonly #devicesOverLimit = new Map<string, Set<string>>();
  #newest = Number.NEGATIVE_INFINITY;
  #hasMoreFields = false;

  /** Whether fields were left out because there are too many. */
  get hasMoreFields(): boolean {
    return this.#hasMoreFields;
  }

  add(nowMs: number, device: string, path: string, value: number): void {
    this.#advance(nowMs);
    let field = this.#fields.get(path);
    if (!field) {
      if (this.#fields.size >= maxFields) {
        this.#hasMoreFields = true;
        return;
      }
      field = new Map();
      this.#fields.set(path, field);
    }
    let series = field.get(device);
    if (!series) {
      if (field.size >= maxSeriesPerField) {
        const hidden = this.#devicesOverLimit.get(path) ?? new Set();
        if (hidden.size < 1_000) hidden.add(device);
        this.#devicesOverLimit.set(path, hidden);
        return;
      }
      series = { values: new Array<number | null>(bucketCount).fill(null), latest: value };
      field.set(device, series);
    }
    series.values[bucketCount - 1] = value;
    series.latest = value;
  }

  charts(nowMs: number): FieldChart[] {
    this.#advance(nowMs);
    const last = Number.isFinite(this.#newest) ? this.#newest : Math.floor(nowMs / bucketMs);
    const times = Array.from(
      { length: bucketCount },
      (_, index) => ((last - bucketCount + 1 + index) * bucketMs) / 1000,
    );
    return [...this.#fields].map(([path, field]) => ({
      path,
      times,
      series: [...field].map(([device, { values, latest }]) => ({ device, values, latest })),
      hiddenDevices: this.#devicesOverLimit.get(path)?.size ?? 0,
    }));
  }

  clear(): void {
    this.#fields.clear();
    this.#devicesOverLimit.clear();
    this.#hasMoreFields = false;
  }

  #advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / bucketMs);
    const steps = Math.min(bucket - this.#newest, bucketCount);
    this.#newest = Math.max(this.#newest, bucket);
    if (!(steps > 0)) return;
    const holes = new Array<null>(steps).fill(null);
    for (const field of this.#fields.values()) {
      for (const [device, series] of field) {
        series.values.splice(0, steps);
        series.values.push(...holes);
        // A device that has been silent for the whole window makes room for another.
        if (series.values.every((value) => value === null)) field.delete(device);
      }
    }
    for (const [path, field] of this.#fields) if (field.size === 0) this.#fields.delete(path);
  }
}
