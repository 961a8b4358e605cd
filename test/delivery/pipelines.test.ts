import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ROOT } from '../support/headgate.ts';

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const workflows = globSync(join(ROOT, '.github/workflows/*.yml')).sort();
const files = [...workflows, join(ROOT, 'azure-pipelines.yml')];
const text = (file: string) => readFileSync(file, 'utf8');
const scriptsIn = (content: string) =>
  [...content.matchAll(/npm run (?:--silent )?([a-z:-]+)/g)].map(([, name]) => name ?? '');

interface Workflow {
  readonly on: object;
  readonly permissions: object;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: object;
        readonly 'timeout-minutes'?: number;
        readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
      }
    >
  >;
}

describe.each(files.map((file) => [basename(file), file]))('%s', (_name, file) => {
  test('runs only npm scripts that there are', () => {
    expect(scriptsIn(text(file)).length).toBeGreaterThan(2);
    expect(scriptsIn(text(file)).filter((name) => !(name in scripts))).toEqual([]);
  });

  test('knows no long-lived keys', () => {
    expect(text(file)).not.toMatch(/AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|secrets\./);
  });
});

describe.each(workflows.map((file) => [basename(file), file]))('the workflow %s', (_name, file) => {
  const workflow = parse(text(file)) as Workflow;
  const jobs = Object.values(workflow.jobs);

  test('permits nothing but what a job names, and ends in time', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of jobs) {
      expect(job.permissions).toBeDefined();
      expect(job['timeout-minutes']).toBeGreaterThan(0);
    }
  });

  test('uses only actions that are pinned by commit', () => {
    const used = jobs.flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []));
    expect(used.filter((each) => !/@[0-9a-f]{40}$/.test(each))).toEqual([]);
  });

  test('puts no expression into a script, where it would be code', () => {
    const written = jobs.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    expect(written.length).toBeGreaterThan(3);
    expect(written.filter((each) => each.includes('${{'))).toEqual([]);
  });
});

test('GitHub and Azure check and deploy by the same scripts', () => {
  const github = new Set(workflows.flatMap((file) => scriptsIn(text(file))));
  expect([...new Set(scriptsIn(text(join(ROOT, 'azure-pipelines.yml'))))].sort()).toEqual([...github].sort());
});
