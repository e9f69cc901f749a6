import { expect, it } from 'vitest';
import { SentLog, statusOf } from './sent-log.ts';

const now = { epochMs: 0, monotonicMs: 1_000 };

function open(log: SentLog, ids: number[]) {
  const entry = log.open('rpi_001', '{}', ids.length, now);
  log.queued(entry, ids);
  return entry;
}

it('waits until every reading of an entry is acknowledged, and says how long that took', () => {
  const log = new SentLog();
  const entry = open(log, [1, 2]);
  expect(statusOf(entry)).toBe('waiting');
  expect(log.acknowledged([1], 1_010)).toBe(1);
  expect(statusOf(entry)).toBe('waiting');
  log.acknowledged([2], 1_020);
  expect(statusOf(entry)).toBe('acknowledged');
  expect(entry.settledMs).toBe(20);
  expect(log.ackMs).toBe(20);
});

it('does not count a refused reading as stored when the acknowledgement covers it', () => {
  const log = new SentLog();
  const entry = open(log, [1, 2]);
  log.refused(1, 'not-found: no such device', 1_005);
  expect(log.acknowledged([1, 2], 1_010)).toBe(1);
  expect(entry).toMatchObject({ acknowledged: 1, refused: 1, refusal: 'not-found: no such device' });
  expect(statusOf(entry)).toBe('refused');
});

it('says what became of readings nothing will answer for any more', () => {
  const log = new SentLog();
  const entry = open(log, [1, 2]);
  log.acknowledged([1], 1_010);
  log.abandoned('closed');
  expect(entry).toMatchObject({ acknowledged: 1, refused: 1, refusal: 'closed' });
  expect(log.acknowledged([2], 1_020)).toBe(0);
});

it('keeps 200 entries, and still counts the answers to older ones', () => {
  const log = new SentLog();
  for (let id = 1; id <= 250; id += 1) open(log, [id]);
  expect(log.entries).toHaveLength(200);
  expect(log.acknowledged([1], 1_010)).toBe(1);
});
