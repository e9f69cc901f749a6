export interface NumericField {
  /** `temperature`, `cpu.load`, `cores[0]`. */
  path: string;
  value: number;
}

const deepest = 4;

/** The finite numbers in a reading's `data`, in order, at most `limit`. */
export function numericFields(data: Record<string, unknown>, limit: number): NumericField[] {
  const found: NumericField[] = [];
  collect(data, '', 0, limit, found);
  return found;
}

function collect(value: unknown, path: string, depth: number, limit: number, found: NumericField[]): void {
  if (found.length >= limit) return;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) found.push({ path, value });
    return;
  }
  if (typeof value !== 'object' || value === null || depth >= deepest) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && found.length < limit; index += 1) {
      collect(value[index], `${path}[${index}]`, depth + 1, limit, found);
    }
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    collect(inner, path === '' ? key : `${path}.${key}`, depth + 1, limit, found);
  }
}
