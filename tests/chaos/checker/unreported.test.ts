import { expect, it } from 'vitest';
import { type Trouble, unreportedWindows } from './unreported.ts';

const connection = { gateway: 'consumer-gateway-1', fromMs: 10_000, untilMs: 90_500 };
const trouble = (kind: string, target: string, fromMs: number, forMs: number): Trouble => ({
  kind,
  target,
  fromMs,
  untilMs: fromMs + forMs,
});
const kill = trouble('kill', 'consumer-gateway-1', 90_000, 100);
const windows = (...troubles: Trouble[]) => unreportedWindows([connection], troubles);

it('what was received in the seconds before its gateway was killed may be unreported', () => {
  expect(windows(kill)).toEqual([{ fromMs: 88_000, untilMs: 90_500 }]);
});

it('what was received on other connections was reported', () => {
  expect(windows()).toEqual([]);
  expect(windows(trouble('kill', 'consumer-gateway-2', 90_000, 100))).toEqual([]);
  expect(windows(trouble('kill', 'consumer-gateway-1', 93_000, 100))).toEqual([]);
  expect(windows(trouble('kill', 'consumer-gateway-1', 9_000, 100))).toEqual([]);
  expect(windows(trouble('freeze', 'consumer-gateway-1', 90_000, 100))).toEqual([]);
});

it('what was received on a connection that ended a moment before its gateway was killed may be unreported as well', () => {
  const cut = { ...connection, untilMs: 89_000 };
  expect(unreportedWindows([cut], [kill])).toEqual([{ fromMs: 88_000, untilMs: 89_000 }]);
  const redis = trouble('freeze', 'redis', 82_000, 7_500);
  expect(unreportedWindows([{ ...cut, untilMs: 83_000 }], [redis, kill])).toEqual([
    { fromMs: 80_000, untilMs: 83_000 },
  ]);
});

it('a gateway that was kept from Redis before it was killed reported nothing meanwhile', () => {
  const redis = trouble('freeze', 'redis', 82_000, 5_000);
  expect(windows(redis, kill)).toEqual([{ fromMs: 80_000, untilMs: 90_500 }]);
  const link = trouble('half-open', 'consumer-gateway-1 to redis', 75_000, 4_000);
  expect(windows(link, redis, kill)).toEqual([{ fromMs: 73_000, untilMs: 90_500 }]);
  const another = trouble('half-open', 'consumer-gateway-2 to redis', 75_000, 4_000);
  expect(windows(another, redis, kill)).toEqual([{ fromMs: 80_000, untilMs: 90_500 }]);
  expect(windows(trouble('freeze', 'redis', 50_000, 5_000), kill)).toEqual([{ fromMs: 88_000, untilMs: 90_500 }]);
});
