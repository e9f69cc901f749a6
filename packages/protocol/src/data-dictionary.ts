import { z } from 'zod';
import { hiddenControl, hiddenControlUnwanted, isWellFormed, readableSchema, wellFormedExpected } from './text.ts';

/** Fields that a dictionary may describe. */
export const maxDictionaryFields = 200;

/** One step into the data of a reading: a member of an object, by its name, or each element of an array. */
export type PathStep = { name: string } | 'elements';

const pathForm = /^(?:[^.[\]\\]|\\.)+(?:\[\])*(?:\.(?:[^.[\]\\]|\\.)+(?:\[\])*)*$/su;

/**
 * The steps of a path such as `position.lat` or `samples[].value`: names with dots between, `[]` for each element of an
 * array. A backslash stands before a `.`, `[`, `]` or `\` that belongs to a name. Undefined if it is none.
 */
export function parsePath(path: string): PathStep[] | undefined {
  if (!pathForm.test(path)) return undefined;
  return [...path.matchAll(/\[\]|(?:[^.[\]\\]|\\.)+/gsu)].map(([part]) =>
    part === '[]' ? 'elements' : { name: part.replaceAll(/\\(.)/gsu, '$1') },
  );
}

/** The path that `parsePath` makes these steps of. */
export function formatPath(steps: readonly PathStep[]): string {
  return steps
    .map((step, place) => {
      if (step === 'elements') return '[]';
      return `${place === 0 ? '' : '.'}${step.name.replaceAll(/[.[\]\\]/g, '\\$&')}`;
    })
    .join('');
}

/** Whether a member of this name can be described: not if it cannot be read, or if every object has one in JavaScript. */
export function isFieldName(name: string): boolean {
  return name !== '' && !(name in {}) && name.isWellFormed() && !hiddenControl.test(name);
}

const pathExpected = 'expected a path such as temperature, position.lat or samples[].value';

const pathSchema = z
  .string({ error: pathExpected })
  .min(1, pathExpected)
  .max(256, 'expected at most 256 characters')
  .refine(isWellFormed, wellFormedExpected)
  .refine((path) => !hiddenControl.test(path), hiddenControlUnwanted)
  .refine((path) => parsePath(path)?.every((step) => step === 'elements' || isFieldName(step.name)) ?? false, {
    error: pathExpected,
  });

const typeExpected = 'expected number, integer, string, boolean, object, array or any';
export const fieldTypeSchema = z.enum(['number', 'integer', 'string', 'boolean', 'object', 'array', 'any'], {
  error: typeExpected,
});
export type FieldType = z.infer<typeof fieldTypeSchema>;

/** What a field of a reading's `data` means. */
export const dictionaryFieldSchema = z.strictObject({
  path: pathSchema,
  type: fieldTypeSchema,
  /** As people write it, such as °C; better as UCUM has it. */
  unit: readableSchema(40).optional(),
  description: readableSchema(500).optional(),
  /** Whether it may be missing. */
  optional: z.boolean({ error: 'expected true or false' }).optional(),
  /** Whether it may be null. */
  nullable: z.boolean({ error: 'expected true or false' }).optional(),
});
export type DictionaryField = z.infer<typeof dictionaryFieldSchema>;

/** The fields of a stream's readings, each once. What is inside a field lies in an object or an array. */
export const dictionarySchema = z
  .array(dictionaryFieldSchema, { error: 'expected an array of fields' })
  .max(maxDictionaryFields, `expected at most ${maxDictionaryFields} fields`)
  .superRefine((fields, context) => {
    const types = new Map<string, FieldType>();
    for (const [at, { path, type }] of fields.entries()) {
      if (types.has(path)) context.addIssue({ code: 'custom', path: [at, 'path'], message: 'appears twice' });
      types.set(path, type);
    }
    for (const [at, { path }] of fields.entries()) {
      const steps = parsePath(path) ?? [];
      for (let end = 1; end < steps.length; end += 1) {
        const around = formatPath(steps.slice(0, end));
        const needed = steps[end] === 'elements' ? 'array' : 'object';
        const type = types.get(around) ?? needed;
        if (type === needed) continue;
        const message = `lies in ${around}, which is described as ${type} and not as ${needed}`;
        context.addIssue({ code: 'custom', path: [at, 'path'], message });
      }
    }
  });

/** A field, described or not, and what lies in it. */
interface Place {
  field?: DictionaryField;
  members: Map<string, Place>;
  elements?: Place;
}

/**
 * The schema of `data` that a dictionary describes. What it does not describe may be there as well. An undescribed object
 * around a field that has to be there has to be there too.
 */
export function dataSchema(fields: readonly DictionaryField[]): z.ZodType<Record<string, unknown>> {
  const root: Place = { members: new Map() };
  for (const field of fields) placeAt(root, parsePath(field.path) ?? []).field = field;
  return objectSchema(root);
}

function placeAt(root: Place, steps: readonly PathStep[]): Place {
  let place = root;
  for (const step of steps) {
    if (step === 'elements') {
      place.elements ??= { members: new Map() };
      place = place.elements;
    } else {
      const member = place.members.get(step.name) ?? { members: new Map() };
      place.members.set(step.name, member);
      place = member;
    }
  }
  return place;
}

function objectSchema({ members }: Place): z.ZodType<Record<string, unknown>> {
  return z.looseObject(
    Object.fromEntries(
      [...members].map(([name, member]) => [
        name,
        isOptional(member) ? valueSchema(member).optional() : valueSchema(member),
      ]),
    ),
  );
}

function valueSchema(place: Place): z.ZodType {
  const { field } = place;
  const bare = typeSchema(place);
  const schema = field?.nullable ? bare.nullable() : bare;
  const { description, unit } = field ?? {};
  if (description === undefined && unit === undefined) return schema;
  return schema.meta({
    ...(description === undefined ? {} : { description }),
    ...(unit === undefined ? {} : { unit }),
  });
}

function typeSchema(place: Place): z.ZodType {
  if (place.elements) return z.array(valueSchema(place.elements));
  if (place.members.size > 0) return objectSchema(place);
  switch (place.field?.type) {
    case 'number':
      return z.number();
    case 'integer':
      return z.int();
    case 'string':
      return z.string();
    case 'boolean':
      return z.boolean();
    case 'object':
      return z.looseObject({});
    case 'array':
      return z.array(z.unknown());
    default:
      return z.unknown();
  }
}

function isOptional({ field, members, elements }: Place): boolean {
  if (field) return field.optional ?? false;
  // An undescribed array may be empty as well as missing.
  return elements !== undefined || [...members.values()].every(isOptional);
}
