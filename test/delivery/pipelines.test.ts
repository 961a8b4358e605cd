import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const workflows = globSync(join(ROOT, '.github/workflows/*.yml')).sort();
const azure = [join(ROOT, 'azure-pipelines.yml'), join(ROOT, '.azure/prepare.yml')];
const actions = globSync(join(ROOT, '.github/actions/*/action.yml'));
const folder = temporaryFolder('pipelines');
const text = (file: string) => readFileSync(file, 'utf8');
const scriptsIn = (content: string) =>
  [...content.matchAll(/npm run (?:--silent )?([a-z:-]+)/g)].map(([, name]) => name ?? '');

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly on: object;
  readonly permissions: object;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: object;
        readonly 'timeout-minutes'?: number;
        readonly uses?: string;
        readonly steps?: readonly Step[];
      }
    >
  >;
}

describe.each([...workflows, ...actions, ...azure].map((file) => [file.slice(ROOT.length + 1), file]))(
  '%s',
  (_name, file) => {
    test('runs only npm scripts that there are', () => {
      expect(scriptsIn(text(file)).filter((name) => !(name in scripts))).toEqual([]);
    });

    test('knows no long-lived keys', () => {
      expect(text(file)).not.toMatch(/AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|secrets\./);
    });

    test('ends where a look-up fails: inside of echo it would be an empty text', () => {
      expect(text(file)).not.toMatch(/echo\b[^\n]*\$\(/);
    });

    test('names each action of others by a commit, with its version', () => {
      const used = text(file)
        .split('\n')
        .filter((line) => /^\s*(- )?uses:/.test(line) && !line.includes('uses: ./'));
      expect(used.filter((line) => !/uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
    });
  },
);

describe.each(workflows.map((file) => [basename(file), file]))('the workflow %s', (_name, file) => {
  const workflow = parse(text(file)) as Workflow;
  const jobs = Object.values(workflow.jobs);

  test('permits nothing but what a job names, and ends in time', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of jobs) {
      expect(job.permissions).toBeDefined();
      if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0);
    }
  });

  test('puts no expression into a script, where it would be code', () => {
    const written = jobs.flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));
    expect(written.filter((each) => each.includes('${{'))).toEqual([]);
  });
});

test('what deploys is checked first, goes from stage to stage, and only production data that is read is named', () => {
  const { jobs } = parse(text(join(ROOT, '.github/workflows/deploy.yml'))) as {
    readonly jobs: Readonly<Record<string, { readonly needs?: string; readonly with?: object }>>;
  };
  expect(Object.entries(jobs).map(([name, job]) => [name, job.needs, job.with])).toEqual([
    ['check', undefined, undefined],
    ['dev', 'check', { stage: 'dev' }],
    ['uat', 'dev', { stage: 'uat', reads: 'prod' }],
    ['prod', 'uat', { stage: 'prod' }],
  ]);
});

test('GitHub and Azure check and deploy by the same scripts', () => {
  const [github, other] = [workflows, azure].map((each) => [
    ...new Set(each.flatMap((file) => scriptsIn(text(file)))),
  ]);
  expect(github?.sort()).toEqual(other?.sort());
  expect(github).toEqual(
    expect.arrayContaining([
      ...[
        'check',
        'contracts',
        'audit',
        'licences',
        'secrets',
        'test:unit',
        'synth',
        'test:parity',
        'test:deploy',
      ],
      ...['diff', 'live', 'deploy', 'smoke', 'integration'],
    ]),
  );
});

const at = (name: string) => join(ROOT, '.venv', name);
const judged =
  process.env.CI === 'true' ||
  ['workflows', 'actionlint'].every((name) => existsSync(join(at(name), 'made-from')));

(judged ? describe : describe.skip)(
  judged
    ? 'independent judges'
    : 'independent judges [needs Python 3.11 with venv, and Go: npm run setup:python]',
  () => {
    const judge = (program: string, ...args: readonly string[]) => {
      const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' });
      if (error !== undefined) throw error;
      return { status, said: `${stdout}${stderr}` };
    };
    const broken = (name: string, content: string) => {
      const file = join(folder, name);
      writeFileSync(file, content);
      return file;
    };

    // Shell scripts are a few lines each: shellcheck is not on every machine, and a judge must say the same everywhere.
    const actionlint = (...paths: readonly string[]) =>
      judge(join(at('actionlint'), 'actionlint'), '-shellcheck=', '-pyflakes=', ...paths);

    test('actionlint finds nothing in the workflows', () => {
      expect(actionlint(...workflows)).toEqual({ status: 0, said: '' });
    });

    test('actionlint finds what is wrong in one', () => {
      const wrong = text(join(ROOT, '.github/workflows/stage.yml'))
        .replace('inputs.reads', 'inputs.raeds')
        .replace('runs-on: ubuntu-24.04', 'runs-on: ubuntu-42.04');
      const { status, said } = actionlint(broken('wrong.yml', wrong));
      expect(status).toBe(1);
      expect(said).toMatch(/property "raeds" is not defined/);
      expect(said).toMatch(/label "ubuntu-42.04" is unknown/);
    });

    // Low: a way of naming what lies in the repository that was not there when this was written.
    const zizmor = (...paths: readonly string[]) =>
      judge(
        join(at('workflows'), 'bin/zizmor'),
        '--offline',
        '--no-progress',
        '--min-severity=medium',
        ...paths,
      );

    test('zizmor finds no way into the workflows', () => {
      expect(zizmor(...workflows, ...actions)).toMatchObject({ status: 0 });
    });

    test('zizmor finds a script that runs what others write, and an action that is not pinned', () => {
      const wrong = text(join(ROOT, '.github/workflows/diff.yml'))
        .replace('gh pr comment "$NUMBER"', 'gh pr comment "$' + '{{ github.event.pull_request.title }}"')
        .replace(/(actions\/checkout)@\S+ .*/, '$1@main');
      const { status, said } = zizmor(broken('open.yml', wrong));
      expect(status).not.toBe(0);
      expect(said).toContain('template-injection');
      expect(said).toContain('unpinned-uses');
    });

    const schema = (content: string, name: string) =>
      judge(
        join(at('workflows'), 'bin/check-jsonschema'),
        ...['--builtin-schema', 'vendor.azure-pipelines', '--data-transform', 'azure-pipelines'],
        // Patterns of Azure's schema are none of Unicode's.
        ...['--regex-variant', 'nonunicode', broken(name, content)],
      );

    test.each(azure.map((file) => [basename(file), file]))(
      '%s keeps to the schema of Azure',
      (name, file) => {
        expect(schema(ofAzureAlone(text(file)), name)).toMatchObject({ status: 0 });
      },
    );

    test.each([
      ['timeoutInMinutes: "15"', 'timeoutInMinuts: "15"'],
      ['runOnce:', 'runTwice:'],
      ['deployment: deploy', 'deploiment: deploy'],
      ['- script: npm run audit', '- skript: npm run audit'],
    ])('the schema of Azure refuses a file with another word for %s', (right, wrong) => {
      const content = text(join(ROOT, 'azure-pipelines.yml'));
      expect(content).toContain(right);
      expect(schema(ofAzureAlone(content.replace(right, wrong)), 'broken.yml').status).toBe(1);
    });
  },
);

/**
 * The schema knows the tasks that come with Azure. AWSShellScript@1 comes from the marketplace, with AWS's toolkit: its inputs are held
 * against this list here, and the script that it runs stands in its place.
 */
function ofAzureAlone(content: string): string {
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null) return value;
    const { task, inputs, ...rest } = value as { task?: string; inputs?: Record<string, string> };
    if (task !== 'AWSShellScript@1')
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replace(each)]));
    expect(Object.keys(inputs ?? {})).toEqual(['awsCredentials', 'regionName', 'scriptType', 'inlineScript']);
    expect(inputs?.scriptType).toBe('inline');
    return { ...rest, script: inputs?.inlineScript };
  };
  return stringify(replace(parse(content)));
}
