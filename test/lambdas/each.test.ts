import { expect, test } from '@jest/globals';
import { TransientError } from '../../lib/errors.ts';

process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
const { forEach } = await import('../../lambdas/shared/each.ts');
const { logError } = await import('../../lambdas/shared/handle.ts');
const { logger } = await import('../../lambdas/shared/telemetry.ts');

test('does the work for each, and fails for those that failed', async () => {
  const done: string[] = [];
  const work = async (name: string) => {
    if (name.startsWith('bad')) throw new TransientError(`${name} is away`, { fault: 'headgate' });
    done.push(name);
  };
  const all = forEach('sorting', ['bad/1', 'good/1', 'bad/2', 'good/2'], {
    nameOf: (name) => name,
    work,
    now: new Date(0),
  });
  await expect(all).rejects.toThrow(
    new TransientError('sorting failed for bad/1, bad/2', { fault: 'headgate' }),
  );
  expect(done).toEqual(['good/1', 'good/2']);
  await expect(forEach('sorting', ['good/3'], { nameOf: (name) => name, work })).resolves.toBeUndefined();
});

test('begins each day with another one, so that a call that ends early starves none for long', async () => {
  const begun = async (day: number) => {
    const order: string[] = [];
    const work = async (name: string) => void order.push(name);
    await forEach('sorting', ['a', 'b', 'c'], {
      nameOf: (name) => name,
      work,
      now: new Date(day * 86_400_000),
    });
    return order.join('');
  };
  expect([await begun(0), await begun(1), await begun(2), await begun(3)]).toEqual([
    'abc',
    'bca',
    'cab',
    'abc',
  ]);
  await expect(
    forEach('sorting', [], { nameOf: String, work: async () => undefined }),
  ).resolves.toBeUndefined();
});

test('of an error that nobody foresaw the class and the places are logged, and no line of its message', () => {
  const said: unknown[] = [];
  logger.error = (...line) => void said.push(line);
  logError(new RangeError('unexpected text:\na name of a person'));
  expect(JSON.stringify(said)).toMatch(/unforeseen RangeError.*at .*each\.test/);
  expect(JSON.stringify(said)).not.toContain('a name of');
});
