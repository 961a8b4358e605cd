import { expect, test } from '@jest/globals';
import { finished } from './finished.ts';

// A file of its own: it takes as long as the schedules do, and two files run at the same time.
test('every known way to break it is caught', () => {
  expect(finished('mutants.ts', [])).toEqual({ status: 0, said: '' });
}, 1_800_000);
