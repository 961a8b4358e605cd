import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { REASONS } from '../../lib/intake/reasons.ts';

test('the page of reason codes holds exactly the codes and sentences of the list', async () => {
  const page = await readFile('docs/reason-codes.md', 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows).toEqual(Object.entries(REASONS).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`));
});
