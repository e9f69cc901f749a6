import { readFileSync } from 'node:fs';
import {
  consumerDownFrameSchema,
  consumerUpFrameSchema,
  deliveredReadingSchema,
  errorKinds,
  errorTable,
  goingAwayCode,
  producerDownFrameSchema,
  readingSchema,
  restOfEpoch,
  unsubscribeReasons,
} from '@motience/protocol';
import { expect, it } from 'vitest';
import { z } from 'zod';

const page = readFileSync(new URL('../docs/protocol.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```json\n(.*?)^```/gms)].flatMap(([, block]) => block?.trim().split('\n') ?? []);
const readSchema = z.union([deliveredReadingSchema, readingSchema]);
const frameUnions = [producerDownFrameSchema, consumerDownFrameSchema, consumerUpFrameSchema];
const frameTypes = frameUnions.flatMap(({ options }) => options.map(({ shape }) => shape.type.value));

it('the protocol page has an example of every frame', () => {
  const shown = new Set(
    examples.map((text) => z.looseObject({ type: z.string().optional() }).parse(JSON.parse(text)).type),
  );
  expect([...new Set(frameTypes)].filter((type) => !shown.has(type))).toEqual([]);
});

it.each(examples.filter((text) => !text.includes('"access_token"')))(
  'an example of it is as the schemas have it: %s',
  (text) => {
    const value: unknown = JSON.parse(text);
    const isControl = z.object({ type: z.string() }).safeParse(value).success;
    const schemas = isControl ? frameUnions : [readSchema];
    expect(schemas.some((schema) => schema.safeParse(value).success)).toBe(true);
  },
);

it('it names every kind of error, every close code and every reason', () => {
  const codes = errorKinds.flatMap((kind) => errorTable[kind].close ?? []);
  const names = [...errorKinds, ...unsubscribeReasons].map((name) => `\`${name}\``);
  const rows = [goingAwayCode, ...codes].map((code) => `| ${code} |`);
  expect([...names, ...rows, String(restOfEpoch)].filter((text) => !page.includes(text))).toEqual([]);
});

it('each code stands beside its kind', () => {
  for (const kind of errorKinds) {
    const { close } = errorTable[kind];
    if (close !== null) expect(page).toContain(`| ${close} | \`${kind}\` |`);
  }
});
