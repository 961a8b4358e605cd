// Breaks Headgate in every known way, one at a time, and plays the fast part of the harness against it, which has to fail.
//   node test/faults/mutants.ts [--only TEXT]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTATIONS, type Mutation } from './mutations.ts';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`no mutation is named like ${values.only}`);

const here = import.meta.dirname;
function play(mutation: Mutation): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--import',
      join(here, 'register.mjs'),
      join(here, 'main.ts'),
      ...['--crowds', '--telling', '--random', '80', '--stop'],
    ],
    {
      encoding: 'utf8',
      timeout: 120_000,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        UV_THREADPOOL_SIZE: '1',
        HEADGATE_MUTANT: JSON.stringify(mutation),
      },
    },
  );
  return { status, output: `${stdout}${stderr}` };
}

const firstFinding = (output: string): string => {
  const lines = output.split('\n').map((line) => line.trim());
  const finding = lines.find((line) => line.length > 0 && !line.includes(' fails: ')) ?? '';
  return finding.slice(0, 110);
};

const begun = performance.now();
let survivors = 0;
for (const mutation of chosen) {
  const from = performance.now();
  const { status, output } = play(mutation);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  // 1: the harness found something wrong. Anything else means that it could not run, and proves nothing.
  const isCaught = status === 1 && !output.includes('no longer applies') && !output.includes('SyntaxError');
  if (!isCaught) survivors += 1;
  const why = isCaught ? firstFinding(output) : `NOT CAUGHT (exit ${status})\n${output.slice(0, 1000)}`;
  console.log(`${mutation.name} (${seconds} s): ${why}`);
}
const seconds = ((performance.now() - begun) / 1000).toFixed(0);
console.log(`${chosen.length - survivors} of ${chosen.length} mutants caught in ${seconds} s`);
process.exit(survivors === 0 ? 0 : 1);
