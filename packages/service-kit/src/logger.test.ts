import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string {
  let line = '';
  const destination = {
    write(text: string) {
      line = text;
    },
  };
  write(createLogger('test', 'info', destination));
  return line;
}

describe('the log', () => {
  it('is JSON with the name of its app, its level and the time', () => {
    expect(JSON.parse(logged((logger) => logger.info('hello')))).toMatchObject({
      level: 'info',
      name: 'test',
      msg: 'hello',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it('blanks what has the name of a secret', () => {
    const line = logged((logger) =>
      logger.info({
        password: 'hunter2',
        body: { refresh_token: 'hunter2' },
        req: { headers: { authorization: 'hunter2' } },
      }),
    );
    expect(line).not.toContain('hunter2');
    expect(line).toContain('[secret]');
  });

  it('keeps parameters of statements and commands out, and the cause in', () => {
    const cause = Object.assign(new Error('duplicate key value'), { code: '23505', detail: 'Key (x)=(hunter2)' });
    const error = Object.assign(new Error('Failed query: select $1\nparams: hunter2', { cause }), {
      query: 'select $1',
      params: ['hunter2'],
      command: { name: 'set', args: ['hunter2'] },
    });
    const line = logged((logger) => logger.error({ err: error }, 'failed'));
    expect(line).not.toContain('hunter2');
    expect(JSON.parse(line)).toMatchObject({
      err: { message: 'failed query: select $1', cause: { code: '23505', message: 'duplicate key value' } },
    });
    expect(line).toContain('logger.test.ts');
  });
});
