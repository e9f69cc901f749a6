import {
  type DictionaryField,
  type FieldType,
  formatPath,
  isFieldName,
  maxDictionaryFields,
  type PathStep,
} from '@motience/protocol';

/** Elements of arrays that are looked at for one field. */
const maxElements = 1_000;
const maxPathLength = 256;

/** Values found at one place of many readings, of `of` that could have had one there. */
interface Found {
  steps: PathStep[];
  values: unknown[];
  of: number;
}

/**
 * The dictionary that some readings' data fit: their fields, the outer ones first, as many as a dictionary may have. All
 * numbers are numbers, for whole ones may only have happened to be. What is `known` of a field, its unit and its
 * description, is kept.
 */
export function inferDictionary(
  data: readonly Record<string, unknown>[],
  known: readonly DictionaryField[],
): DictionaryField[] {
  const knownFields = new Map(known.map((field) => [field.path, field]));
  const fields: DictionaryField[] = [];
  let level = membersOf([], data);
  while (level.length > 0) {
    const next: Found[] = [];
    for (const found of level) {
      const path = formatPath(found.steps);
      if (path.length > maxPathLength) continue;
      if (fields.length === maxDictionaryFields) return fields;
      const type = typeOf(found.values);
      fields.push(describe(path, type, found, knownFields.get(path)));
      if (type === 'object') next.push(...membersOf(found.steps, found.values.filter(isObject)));
      if (type === 'array') next.push(...elementsOf(found));
    }
    level = next;
  }
  return fields;
}

function describe(path: string, type: FieldType, { values, of }: Found, known: DictionaryField | undefined) {
  const field: DictionaryField = { path, type };
  if (known?.unit !== undefined) field.unit = known.unit;
  if (known?.description !== undefined) field.description = known.description;
  if (values.length < of) field.optional = true;
  if (values.includes(null)) field.nullable = true;
  return field;
}

function membersOf(steps: readonly PathStep[], objects: readonly Record<string, unknown>[]): Found[] {
  const members = new Map<string, unknown[]>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      const values = members.get(name) ?? [];
      values.push(value);
      members.set(name, values);
    }
  }
  return [...members]
    .filter(([name]) => isFieldName(name))
    .map(([name, values]) => ({ steps: [...steps, { name }], values, of: objects.length }));
}

function elementsOf({ steps, values }: Found): Found[] {
  const elements = values.flatMap((value) => (Array.isArray(value) ? value.slice(0, maxElements) : []));
  const looked = elements.slice(0, maxElements);
  return looked.length === 0 ? [] : [{ steps: [...steps, 'elements'], values: looked, of: looked.length }];
}

/** The one type of all values but null; `any` if there are several, or none. */
function typeOf(values: readonly unknown[]): FieldType {
  const types = new Set(values.filter((value) => value !== null).map(typeOfValue));
  const [type, ...others] = types;
  return type === undefined || others.length > 0 ? 'any' : type;
}

function typeOfValue(value: unknown): FieldType {
  if (Array.isArray(value)) return 'array';
  if (isObject(value)) return 'object';
  const type = typeof value;
  if (type === 'number' || type === 'string' || type === 'boolean') return type;
  return 'any';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
