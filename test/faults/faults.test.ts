import { expect, test } from '@jest/globals';
import { finished } from './finished.ts';

test('every single fault at every effect, every order of events and a disk full at every call end as without it, and so do crowds', () => {
  expect(finished('main.ts', ['--crowds', '--orders', '--full', '--single'])).toEqual({
    status: 0,
    said: '',
  });
}, 1_800_000);

test('a thousand random schedules of several faults end as without them', () => {
  expect(finished('main.ts', ['--random', '1000'])).toEqual({ status: 0, said: '' });
}, 1_800_000);
