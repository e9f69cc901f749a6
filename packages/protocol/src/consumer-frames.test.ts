import { expect, it } from 'vitest';
import { consumerUpFrameSchema } from './consumer-frames.ts';
import { describeFieldErrors, fieldErrors } from './errors.ts';
import { eventIdSchema, eventQuerySchema } from './event-stream.ts';

const subscribe = (after: unknown) =>
  consumerUpFrameSchema.safeParse({ type: 'subscribe', producer_id: '3', epoch: 'e', after });

it('a stream can be moved to after every seq that another one may follow', () => {
  expect(subscribe(9007199254740990).success).toBe(true);
  expect(eventIdSchema.parse('e:9007199254740990')).toEqual({ epoch: 'e', seq: 9007199254740990 });
});

it.each([9007199254740991, 2 ** 60, -1, 1.5, '7', null])('and not to after %j', (after) => {
  const { error } = subscribe(after);
  expect(error && fieldErrors(error)).toEqual([
    { path: 'after', message: 'expected a whole number from 0 to 9007199254740990' },
  ]);
});

it.each(['9007199254740991', '9007199254740993', '99999999999999999999999'])('nor to an event id of seq %s', (seq) => {
  const { error } = eventIdSchema.safeParse(`e:${seq}`);
  expect(error && describeFieldErrors(fieldErrors(error))).toBe(
    'seq: expected a whole number from 0 to 9007199254740990',
  );
});

it('what an event stream is asked for has no unknown names', () => {
  expect(
    eventQuerySchema.safeParse({ producer_id: '3', device_id: 'a', last_event_id: 'e:1', token: 't' }).success,
  ).toBe(true);
  const { error } = eventQuerySchema.safeParse({ producer_id: '3', lastEventId: 'e:1' });
  expect(error && fieldErrors(error)).toEqual([{ path: 'lastEventId', message: 'is not a known field' }]);
});
