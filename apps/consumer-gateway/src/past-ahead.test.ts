import { describe, expect, it } from 'vitest';
import { AheadRoom, PastAhead } from './past-ahead.ts';
import type { PastPart } from './past-readings.ts';

const at = (seq: number) => ({ epoch: 'one', seq });

const partAfter = (seq: number, reachesHead = false): PastPart => ({
  standing: 'known',
  start: at(seq),
  head: at(100),
  steps: [],
  reachesHead,
});

/** A past that ends at 100, whose reads are counted, and fail while it is away. */
function past(room = new AheadRoom()) {
  const state = { reads: [] as number[], isAway: false };
  const ahead = new PastAhead(
    async ({ seq }) => {
      state.reads.push(seq);
      if (state.isAway) throw new Error('away');
      return partAfter(seq, seq >= 90);
    },
    [new AheadRoom(), room],
  );
  return { ahead, state };
}

describe('reading ahead', () => {
  it('reads the part that follows once, before it is taken', async () => {
    const { ahead, state } = past();
    expect(await ahead.take(at(0))).toEqual(partAfter(0));
    ahead.begin(at(10));
    ahead.begin(at(20));
    expect(state.reads).toEqual([0, 10]);
    expect(await ahead.take(at(10))).toEqual(partAfter(10));
    expect(state.reads).toEqual([0, 10]);
  });

  it('gives what follows the position that is asked for, whatever was read ahead', async () => {
    const { ahead, state } = past();
    ahead.begin(at(10));
    expect(await ahead.take({ epoch: 'two', seq: 10 })).toEqual(partAfter(10));
    ahead.begin(at(20));
    expect(await ahead.take(at(25))).toEqual(partAfter(25));
    expect(state.reads).toEqual([10, 10, 20, 25]);
  });

  it('never says of what was read ahead that it reaches the head, and asks for what came since before it reads ahead again', async () => {
    const { ahead, state } = past();
    ahead.begin(at(90));
    expect(await ahead.take(at(90))).toEqual(partAfter(90, false));
    ahead.begin(at(100));
    expect(state.reads).toEqual([90]);
    expect(await ahead.take(at(100))).toEqual(partAfter(100, true));
    expect(state.reads).toEqual([90, 100]);
  });

  it('reads again what could not be read ahead, and says so if it still cannot be', async () => {
    const { ahead, state } = past();
    state.isAway = true;
    ahead.begin(at(10));
    await expect(ahead.take(at(10))).rejects.toThrow('away');
    ahead.begin(at(10));
    state.isAway = false;
    expect(await ahead.take(at(10))).toEqual(partAfter(10));
  });

  it('reads again what was given up', async () => {
    const { ahead, state } = past();
    ahead.begin(at(10));
    ahead.drop();
    expect(await ahead.take(at(10))).toEqual(partAfter(10));
    expect(state.reads).toEqual([10, 10]);
  });

  it('is done by one at a time of those who share the room, until the part is taken or given up', async () => {
    const room = new AheadRoom();
    const [first, second] = [past(room), past(room)];
    first.ahead.begin(at(10));
    second.ahead.begin(at(10));
    expect([first.state.reads, second.state.reads]).toEqual([[10], []]);
    second.ahead.drop();
    second.ahead.begin(at(10));
    expect(second.state.reads).toEqual([]);
    await first.ahead.take(at(10));
    second.ahead.begin(at(10));
    expect(second.state.reads).toEqual([10]);
    second.ahead.drop();
    first.ahead.begin(at(20));
    expect(first.state.reads).toEqual([10, 20]);
  });
});
