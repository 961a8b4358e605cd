// Fails on a contract that breaks what the base had promised without a new major version, or is gone without having been deprecated there.
// Argument: the base. The default is the commit's first parent: of a pull request's merge commit the branch that it goes to, on main the state before.
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { bumpOf, compareContracts } from '../lib/contract/compare.ts';
import { parseContract } from '../lib/contract/parse.ts';
import { ContractError } from '../lib/contract/problems.ts';
import { bumped, isBumped, versionOf } from '../lib/contract/version.ts';

const [, , base = 'HEAD^1'] = process.argv;
const git = (...args: readonly string[]): string =>
  execFileSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });

interface Head {
  readonly id?: string;
  readonly version?: string;
  readonly status?: string;
}

const FILES = 'contracts/**/*.odcs.yaml';
const heads = new Map(globSync(FILES).map((file) => [file, parse(readFileSync(file, 'utf8')) as Head]));

/** Where the contract stands now: its file may have moved. */
const heirOf = (file: string, { id }: Head): string | undefined =>
  existsSync(file) ? file : [...heads].find(([, head]) => head.id === id)?.[0];

function problemOf(file: string): string | undefined {
  const before = git('show', `${base}:${file}`);
  const head = parse(before) as Head;
  const now = heirOf(file, head);
  if (now === undefined)
    return head.status === 'deprecated' || head.status === 'retired'
      ? undefined
      : `is gone; give it status deprecated first, and remove it in a later change`;
  const after = readFileSync(now, 'utf8');
  if (after === before) return undefined;
  const fresh = parseContract(after, now);
  const changes = breaking(before, file, fresh);
  const from = versionOf(head.version ?? '', file);
  if (changes.length === 0 || isBumped(from, versionOf(fresh.version, now), 'major')) return undefined;
  return `${changes.join('; ')}: needs version ${bumped(from, 'major').join('.')} or later, it says ${fresh.version}`;
}

/** What breaks, one sentence each. A base that the code of today refuses can't be compared, so everything may. */
function breaking(before: string, file: string, fresh: ReturnType<typeof parseContract>): readonly string[] {
  try {
    const changes = compareContracts(parseContract(before, file), fresh);
    if (bumpOf(changes) !== 'major') return [];
    return changes.flatMap(({ effect, dataset = '', what, because }) =>
      effect === 'breaking' ? [`${dataset} ${what} (${because})`.trim()] : [],
    );
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    return ['the contract of the base is not valid any more'];
  }
}

const files = git('ls-tree', '-r', '--name-only', base, 'contracts')
  .split('\n')
  .filter((file) => file.endsWith('.odcs.yaml'));
const problems = files.flatMap((file) => {
  const problem = problemOf(file);
  return problem === undefined ? [] : [`${file}: ${problem}`];
});
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${files.length} contracts of ${base}: nothing breaks without a new major version`);
