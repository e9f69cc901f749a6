import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NarrowedView } from './narrowed-view.ts';
import { everything, type Narrowing } from './narrowing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function createView(narrowing: Partial<Narrowing>) {
  const sockets = new Set<TopicSocket>();
  const context = {
    publish: (topic: string, frame: Uint8Array) => {
      for (const socket of sockets) if (socket.topics.has(topic)) socket.sendBytes(frame);
    },
    isPaused: () => isPaused,
    heldBytes: { total: 0 },
  };
  let isPaused = false;
  const view = new NarrowedView('3', { ...everything, ...narrowing }, context);
  const join = (seq: number) => {
    const socket = new TopicSocket();
    sockets.add(socket);
    view.join(socket, { after: seq, send: (frame) => socket.sendBytes(frame), joined: () => {} });
    return socket;
  };
  const pause = (paused: boolean) => {
    isPaused = paused;
  };
  return { view, join, pause, heldBytes: context.heldBytes };
}

/** A socket as far as topics go, and what it was sent. */
class TopicSocket {
  readonly topics = new Set<string>();
  readonly got: string[] = [];
  sendBytes(frame: Uint8Array): void {
    this.got.push(Buffer.from(frame).toString());
  }
  subscribe(topic: string): void {
    this.topics.add(topic);
  }
  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }
}

const body = (value: number) => Buffer.from(`{"producer_id":"3","device_id":"a","timestamp":"t","data":{"v":${value}}`);
const place = (seq: number) => ({ epoch: 'e', seq, bytesBefore: 0, bytesThrough: 0 });
const frame = (value: number, seq: number) => `${body(value)},"seq":${seq}}`;
const position = (at: { seq: number }) => Buffer.from(`at ${at.seq}`);

describe('a view with fields', () => {
  it('leaves out readings that have none of them', () => {
    const { view, join } = createView({ fields: ['v', 'w'] });
    const socket = join(0);
    view.reading('a', place(1), Buffer.from(`{"producer_id":"3","device_id":"a","timestamp":"t","data":{"x":0,"v":1}`));
    view.reading('a', place(2), Buffer.from(`{"producer_id":"3","device_id":"a","timestamp":"t","data":{"x":0}`));
    expect(socket.got).toEqual([frame(1, 1)]);
  });
});

describe('a view with a max_rate', () => {
  it('sends the first reading at once, then the latest once an interval', () => {
    const { view, join } = createView({ maxRate: 1 });
    const socket = join(0);
    for (let seq = 1; seq <= 3; seq += 1) {
      view.reading('a', place(seq), body(seq));
      view.batchDone();
    }
    expect(socket.got).toEqual([frame(1, 1)]);
    vi.advanceTimersByTime(1_000);
    expect(socket.got).toEqual([frame(1, 1), frame(3, 3)]);
    vi.advanceTimersByTime(10_000);
    expect(socket.got).toHaveLength(2);
  });

  it('gives one who joins of what is held only what it has not had, and then the same as the others', () => {
    const { view, join } = createView({ maxRate: 1 });
    const first = join(0);
    view.reading('a', place(1), body(1));
    view.batchDone();
    view.reading('a', place(2), body(2));
    view.reading('b', place(3), body(3));
    const second = join(2);
    const third = join(3);
    vi.advanceTimersByTime(0);
    view.batchDone();
    vi.advanceTimersByTime(1_000);
    expect(first.got).toEqual([frame(1, 1), frame(2, 2), frame(3, 3)]);
    expect(second.got).toEqual([frame(3, 3)]);
    expect(third.got).toEqual([]);
    view.reading('a', place(4), body(4));
    view.batchDone();
    vi.advanceTimersByTime(1_000);
    for (const socket of [first, second, third]) expect(socket.got.at(-1)).toBe(frame(4, 4));
  });

  it('never tells a position beyond what is held, and sends what is held before a control frame', () => {
    const { view, join } = createView({ maxRate: 1 });
    const socket = join(0);
    view.reading('a', place(1), body(1));
    view.batchDone();
    view.reading('a', place(5), body(5));
    view.batchDone();
    const late = join(7);
    view.tellPosition({ epoch: 'e', seq: 9 }, position);
    expect(socket.got.at(-1)).toBe('at 4');
    expect(late.got).toEqual(['at 7']);
    expect(view.positionOf(socket, { epoch: 'e', seq: 9 })).toEqual({ epoch: 'e', seq: 4 });
    view.control(Buffer.from('gap'));
    expect(socket.got.slice(-2)).toEqual([frame(5, 5), 'gap']);
    expect(late.got).toEqual(['at 7', 'gap']);
    view.tellPosition({ epoch: 'e', seq: 9 }, position);
    expect(socket.got.at(-1)).toBe('at 9');
  });

  it('sends nothing while rights may be out of date, nor to one who has left', () => {
    const { view, join, pause, heldBytes } = createView({ maxRate: 1 });
    const [socket, gone] = [join(0), join(0)];
    view.reading('a', place(1), body(1));
    view.batchDone();
    view.reading('a', place(2), body(2));
    view.batchDone();
    pause(true);
    vi.advanceTimersByTime(5_000);
    expect(socket.got).toEqual([frame(1, 1)]);
    view.leave(gone);
    pause(false);
    vi.advanceTimersByTime(1_000);
    expect(socket.got).toEqual([frame(1, 1), frame(2, 2)]);
    expect(gone.got).toEqual([frame(1, 1)]);
    view.reading('a', place(3), body(3));
    view.batchDone();
    view.leave(socket);
    expect(heldBytes.total).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
