import { Refusal } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { formErrors } from './form-errors.ts';

const fields = ['username', 'password'];

describe('formErrors', () => {
  it('puts each mistake next to its field', () => {
    const refusal = new Refusal('invalid-request', 'username: expected 3; password: expected 7', {
      details: [
        { path: 'username', message: 'expected 3' },
        { path: 'password', message: 'expected 7' },
      ],
    });
    expect(formErrors(refusal, fields)).toEqual({ fields: { username: 'Expected 3.', password: 'Expected 7.' } });
  });

  it('says for the whole form what is about a field that is not in it', () => {
    const refusal = new Refusal('invalid-request', 'role: expected one', {
      details: [{ path: 'role', message: 'expected one' }],
    });
    expect(formErrors(refusal, fields)).toEqual({ fields: {}, form: 'Role: expected one.' });
  });

  it('puts what is about a part of a field next to the field', () => {
    const refusal = new Refusal('invalid-request', 'tags.2: expected less; place.region: expected 1', {
      details: [
        { path: 'tags.2', message: 'expected less' },
        { path: 'place.region', message: 'expected 1' },
      ],
    });
    expect(formErrors(refusal, ['tags', 'place', 'place.region'])).toEqual({
      fields: { tags: 'Expected less.', 'place.region': 'Expected 1.' },
    });
  });

  it('says next to the username that the name is taken', () => {
    expect(formErrors(new Refusal('conflict', 'taken'), fields).fields).toEqual({ username: 'This name is taken.' });
  });

  it('says for the whole form what is about no field', () => {
    expect(formErrors(new Refusal('unauthenticated', 'wrong name or password'), fields)).toEqual({
      fields: {},
      form: 'Wrong name or password.',
    });
    expect(formErrors(new Error('broken'), fields).form).toBe('broken');
  });
});
