import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shardsOf } from './assign-shards.ts';

const managerSets = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 });
const shardCount = 16;
const runs = { numRuns: 30 };

it('gives every shard to exactly one of the managers, whatever order they are in', () => {
  fc.assert(
    fc.property(managerSets, (managers) => {
      const reversed = managers.toReversed();
      const given = managers.flatMap((manager) => shardsOf(manager, managers, shardCount));
      expect(given.sort((a, b) => a - b)).toEqual(Array.from({ length: shardCount }, (_, shard) => shard));
      for (const manager of managers) {
        expect(shardsOf(manager, reversed, shardCount)).toEqual(shardsOf(manager, managers, shardCount));
      }
    }),
    runs,
  );
});

it('moves nothing but the shards of the manager that goes', () => {
  fc.assert(
    fc.property(managerSets, (managers) => {
      const [gone, ...rest] = managers;
      for (const manager of rest) {
        const before = shardsOf(manager, managers, shardCount);
        expect(shardsOf(manager, rest, shardCount)).toEqual(expect.arrayContaining(before));
      }
      expect(shardsOf(String(gone), rest, shardCount)).toEqual([]);
    }),
    runs,
  );
});

it('gives two managers about as many shards', () => {
  const [few = 0, many = 0] = ['a', 'b'].map((manager) => shardsOf(manager, ['a', 'b'], 300).length).sort();
  expect(many - few).toBeLessThan(60);
});
