import { Redis } from 'ioredis';
import { z } from 'zod';

/**
 * Lua that breaks one of the platform's promises now and then, by putting something in the place of a function: `append`
 * stores a flush, `applyFlush` numbers, retains and publishes one, of a shard whose prefix is in `call`, `meter` takes a
 * gateway's account of what it delivered, with the reports in `ARGV[6]`.
 */
export const brokenVariants = {
  'acknowledges before the write': `
    local honest, calls = append, 0
    append = function(KEYS, ARGV)
      calls = calls + 1
      if calls % 5 == 0 then return { 'ok' } end
      return honest(KEYS, ARGV)
    end`,
  'skips a number': `
    local honest, calls = applyFlush, 0
    applyFlush = function(call, ...)
      calls = calls + 1
      honest(call, ...)
      if calls % 5 == 0 then
        for _, producer in ipairs(redis.call('SMEMBERS', call.prefix .. 'streams')) do
          redis.call('HINCRBY', call.prefix .. 'stream:' .. producer, 'head', 1)
        end
      end
    end`,
  'lets a paused owner go on': `
    local honest, calls = applyFlush, 0
    applyFlush = function(call, ...)
      calls = calls + 1
      if calls % 5 == 0 then honest(call, ...) end
      honest(call, ...)
    end`,
  'drops a report': `
    local honest, calls = meter, 0
    meter = function(KEYS, ARGV)
      if ARGV[6] ~= '' then calls = calls + 1 end
      if calls % 2 == 0 then ARGV[6] = '' end
      return honest(KEYS, ARGV)
    end`,
  'reports what was not delivered': `
    local honest = meter
    meter = function(KEYS, ARGV)
      if ARGV[6] ~= '' then
        local reports = cjson.decode(ARGV[6])
        for _, report in ipairs(reports) do
          local first = report[3][1]
          if first then table.insert(report[3], { first[1] .. 'b', 1, 3, 0, 300 }) end
        end
        ARGV[6] = cjson.encode(reports)
      end
      return honest(KEYS, ARGV)
    end`,
  'takes what a second gateway delivered for something else': `
    local honest, first = meter, nil
    meter = function(KEYS, ARGV)
      first = first or ARGV[2]
      if ARGV[6] ~= '' and ARGV[2] ~= first then
        local reports = cjson.decode(ARGV[6])
        for _, report in ipairs(reports) do
          for _, span in ipairs(report[3]) do span[1] = span[1] .. 'b' end
        end
        ARGV[6] = cjson.encode(reports)
      end
      return honest(KEYS, ARGV)
    end`,
} as const;

/** What FUNCTION LIST says of one library: names and values in turn. */
const libraryReply = z.array(z.array(z.unknown()));

/** The platform's functions in a Redis, to be broken and mended again. They have to be loaded already. */
export class BreakableFunctions {
  private constructor(
    private readonly redis: Redis,
    private readonly code: string,
  ) {}

  static async of(url: string): Promise<BreakableFunctions> {
    const redis = new Redis(url);
    const libraries = libraryReply.parse(await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'motience_*', 'WITHCODE'));
    const [library] = libraries;
    const code = library?.[library.indexOf('library_code') + 1];
    if (libraries.length !== 1 || typeof code !== 'string') throw new Error('expected one library of functions');
    return new BreakableFunctions(redis, code);
  }

  /** Puts `lua` in place before the functions are registered, under the same names as before. */
  async break(lua: string): Promise<void> {
    const at = this.code.indexOf('redis.register_function');
    await this.load(`${this.code.slice(0, at)}${lua}\n${this.code.slice(at)}`);
  }

  async mend(): Promise<void> {
    await this.load(this.code);
  }

  close(): void {
    this.redis.disconnect();
  }

  private async load(code: string): Promise<void> {
    await this.redis.call('FUNCTION', 'LOAD', 'REPLACE', code);
  }
}
