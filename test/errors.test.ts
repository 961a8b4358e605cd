import { describe, expect, test } from '@jest/globals';
import { ConflictError, TerminalError, TransientError } from '../lib/errors.ts';

describe('errors', () => {
  test('a conflict may succeed when tried again', () => {
    expect(new ConflictError('x', { fault: 'headgate' })).toBeInstanceOf(TransientError);
  });

  test('carry their facts as fields', () => {
    const error = new TerminalError('no such column', { fault: 'contract', facts: { column: 'amount' } });
    expect(error).toMatchObject({ name: 'TerminalError', fault: 'contract', facts: { column: 'amount' } });
  });
});
