import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { OPTIONAL, VARIABLES } from '../../lib/infra/functions.ts';
import { FUNCTIONS } from '../../lib/infra/permissions.ts';
import { TASKS } from '../../lib/pipeline/tasks.ts';
import { ROOT } from '../support/headgate.ts';

const handlers = globSync(join(ROOT, 'lambdas/*/handler.ts')).map((file) => ({
  name: basename(dirname(file)),
  text: readFileSync(file, 'utf8'),
}));
const sharedText = readFileSync(join(ROOT, 'lambdas/shared/services.ts'), 'utf8');

/** Settings in calls of `read([...])`, in RUN where `runServices` is called, and in what `jobServices` reads besides. */
function settingsRead(text: string): readonly string[] {
  const forJobs = text.includes('jobServices(');
  const read = `${text}${forJobs ? (/function jobServices.*?\n}/s.exec(sharedText)?.[0] ?? '') : ''}`;
  const lists = [...read.matchAll(/read\(\[([^\]]*)\]\)/g)].map(([, list]) => list ?? '');
  if (read.includes('runServices(')) lists.push(/RUN = \[([^\]]*)\]/.exec(sharedText)?.[1] ?? '');
  return [
    ...new Set(lists.flatMap((list) => [...list.matchAll(/'(\w+)'/g)].map(([, name]) => name ?? ''))),
  ].sort();
}

describe('the data for roles and environments', () => {
  test('names every function, and every state that has a task', () => {
    expect(FUNCTIONS.map(({ name }) => name).sort()).toEqual(handlers.map(({ name }) => name).sort());
    expect(FUNCTIONS.flatMap(({ state }) => state ?? []).sort()).toEqual(Object.keys(TASKS).sort());
  });

  test.each(handlers)('names the variables that $name reads, all of them and no others', ({ name, text }) => {
    const spec = FUNCTIONS.find((each) => each.name === name);
    expect([...(spec?.variables ?? [])].sort()).toEqual(settingsRead(text));
  });

  test('a lock that a function takes for itself ends with its call: killed, it would be held for the lease of a run', () => {
    const taking = handlers.filter(({ text }) => /\b(withLock|matchEntity)\(/.test(text));
    expect(taking.map(({ name }) => name).sort()).toEqual(['match', 'retention']);
    for (const { text } of taking)
      expect(text).toContain('callOfFunction(context.awsRequestId, context.getRemainingTimeInMillis())');
  });

  test('gives only single actions', () => {
    for (const { actions } of FUNCTIONS)
      for (const [, names] of actions)
        for (const action of names) expect(action).toMatch(/^[a-z0-9]+:[A-Za-z]+$/);
    expect(OPTIONAL.every((name) => name in VARIABLES)).toBe(true);
  });
});
