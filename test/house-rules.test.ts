import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { StateMachine } from 'aws-local-stepfunctions';
import type { Command } from 'commander';
import { headgate as program } from '../bin/program.ts';
import { asTyped } from '../bin/say.ts';
import { contractReference } from '../lib/contract/reference.ts';
import { REASONS, reasonCodes } from '../lib/intake/reasons.ts';
import { headgate, ROOT } from './support/headgate.ts';

const sources = globSync(join(ROOT, '{lib,bin,lambdas}/**/*.ts')).map((file) => ({
  file: relative(ROOT, file),
  text: readFileSync(file, 'utf8'),
}));
const imports = (text: string) => [...text.matchAll(/from '([^']+)'/g)].map(([, name]) => name ?? '');

describe('import zones', () => {
  test.each([
    [
      'the file system',
      /^node:(fs|fs\/promises|sqlite|child_process|os)$/,
      /^(lib\/adapters\/local|lib\/infra|bin)\//,
    ],
    ['DuckDB', /^@duckdb\//, /^lib\/adapters\/local\//],
    ['the interpreter of the state machine', /^aws-local-stepfunctions$/, /^lib\/adapters\/local\//],
    ['an AWS SDK', /^@aws-sdk\//, /^lib\/adapters\/aws\//],
    ['what only functions need', /^(@aws-lambda-powertools|@middy)\//, /^lambdas\//],
    ['the bundler', /^esbuild$/, /^lib\/infra\//],
    ['the CDK', /^aws-cdk-lib/, /^(lib\/infra\/|bin\/app\.ts)/],
    ['adapters', /adapters\//, /^(lib\/adapters|bin|lambdas)\//],
  ])('%s is used only where it belongs', (_what, module, zone) => {
    const strangers = sources.filter(
      ({ file, text }) => !zone.test(file) && imports(text).some((name) => module.test(name)),
    );
    expect(strangers.map(({ file }) => file)).toEqual([]);
  });

  test('the environment is read in one file per program', () => {
    expect(
      sources
        .filter(({ text }) => /process\.env/.test(text))
        .map(({ file }) => file)
        .sort(),
    ).toEqual(['bin/environment.ts', 'lambdas/environment.ts']);
  });
});

test('nothing is ordered, printed or dated by the language or the zone of the machine', () => {
  const machine =
    /localeCompare\([^,()]*\)|toLocale\w+\(\)|\b(Intl\.\w+|Temporal\.Now\.\w+)\(\)|\.get(Hours|Date|Day|Month|FullYear|TimezoneOffset)\(\)|\.to(Date|Time)String\(\)/;
  expect(sources.filter(({ text }) => machine.test(text)).map(({ file }) => file)).toEqual([]);
  expect(machine.test('a.at.localeCompare(b.at)')).toBe(true);
});

test('the state machine is one in the states language', () => {
  const definition = JSON.parse(readFileSync(join(ROOT, 'lib/pipeline/pipeline.asl.json'), 'utf8'));
  expect(() => new StateMachine(definition)).not.toThrow();
  expect(() => new StateMachine({ ...definition, StartAt: 'Nowhere' })).toThrow();
});

test('every task of the state machine names its time limit: the language gives 60 seconds without one', () => {
  const { States } = JSON.parse(readFileSync(join(ROOT, 'lib/pipeline/pipeline.asl.json'), 'utf8')) as {
    States: Record<string, { Type: string; TimeoutSeconds?: number }>;
  };
  const tasks = Object.entries(States).filter(([, { Type }]) => Type === 'Task');
  expect(tasks.length).toBeGreaterThan(5);
  expect(tasks.filter(([, state]) => state.TimeoutSeconds === undefined).map(([name]) => name)).toEqual([]);
});

describe('pages made from code', () => {
  test('the contract reference is not stale', () => {
    expect(readFileSync(join(ROOT, 'docs/contract-reference.md'), 'utf8')).toBe(contractReference());
  });

  test('the reason codes are not stale, and every code in the source is one of them', () => {
    expect(readFileSync(join(ROOT, 'docs/reason-codes.md'), 'utf8')).toBe(reasonCodes());
    const used = sources.flatMap(({ text }) =>
      [...text.matchAll(/'((?:file|batch|record|value|row)\.[a-z_]+)'/g)].map(([, code]) => code ?? ''),
    );
    expect(
      [...new Set(used)]
        .filter((code) => !(code in REASONS))
        .filter((code) => !code.startsWith('file.quarantined')),
    ).toEqual([]);
  });
});

describe('the command line', () => {
  const commands = [
    'demo',
    'run',
    'up',
    'status',
    'arrivals',
    'daily',
    'retention',
    'files',
    'runs',
    'explain',
    'backfill',
    'query',
    'quarantine',
    'hold',
    'match',
    'contract',
    'dictionary',
    'doctor',
  ];

  test('lists its commands', async () => {
    const { stdout } = await headgate(['--help']);
    for (const command of commands) expect(stdout).toContain(`  ${command}`);
  });

  const nameOf = (command: Command): string =>
    command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
  const leavesOf = (command: Command): readonly Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);

  test.each(leavesOf(program()).map((leaf) => [nameOf(leaf), leaf] as const))(
    '%s shows an example',
    (_name, leaf) => {
      let help = '';
      leaf.configureOutput({
        writeOut: (text) => {
          help += asTyped(text);
        },
      });
      leaf.outputHelp();
      expect(help).toMatch(/Examples?:\n(?: {2}.*\n)* {2}.*npx headgate /);
    },
  );

  test('answers wrong usage with exit code 2', async () => {
    expect((await headgate(['rnu'])).code).toBe(2);
    expect((await headgate(['run', '--landin', 'x'])).code).toBe(2);
  });
});
