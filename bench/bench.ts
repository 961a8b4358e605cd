// Headgate against the least that is possible and against other programs, in one run, interleaved: the machine's speed drifts, a ratio holds.
// Exits 1 when a target is missed, and says by how much; when a part fails; and when a peer's rows are not the same.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Measured, part, ROOT, run, WORK } from './measure.ts';
import { type Curve, write } from './report.ts';
import { missed, type Result, resultOf, type Target } from './results.ts';
import { floor, memory } from './scenarios/floor.ts';
import { engines, peers } from './scenarios/peers.ts';
import type { Bench } from './scenarios/scenario.ts';
import { daily, shapes } from './scenarios/shapes.ts';
import { tables } from './scenarios/tables.ts';
import { SIZES } from './sizes.ts';

const SCENARIOS = { floor, peers, engines, shapes, daily, tables, memory };
const { values } = parseArgs({
  options: { size: { type: 'string', default: 'small' }, only: { type: 'string', multiple: true } },
});
const size = SIZES[values.size];
const names = values.only ?? Object.keys(SCENARIOS);
const unknown = names.filter((name) => !(name in SCENARIOS));
if (size === undefined || unknown.length > 0) {
  console.error(
    `no such size or scenario; --size ${Object.keys(SIZES).join(', ')}; --only ${Object.keys(SCENARIOS).join(', ')}`,
  );
  process.exit(2);
}

const results: Result[] = [];
const curves: Curve[] = [];
const failures = new Set<string>();
const NOTHING: Measured = { seconds: Number.NaN, wall: Number.NaN, peakMegabytes: Number.NaN, figures: {} };

const benchOf = (title: string): Bench => ({
  size,
  input(megabytes) {
    const file = join(WORK, 'inputs', `transactions-${megabytes}.csv`);
    if (!existsSync(file)) run(part('generate', file, String(megabytes)));
    return file;
  },
  measure(job, inspect) {
    try {
      return run(job, inspect);
    } catch (error) {
      const what = `${job.arguments.slice(1, 4).join(' ')}: ${error instanceof Error ? error.message : error}`;
      console.error(what);
      failures.add(
        `${title}: ${job.arguments.slice(1, 4).join(' ')} failed: ${/^.*Error: .*$/m.exec(what)?.[0] ?? ''}`,
      );
      return NOTHING;
    }
  },
  record(what, figures, unit, target) {
    const held: Target | undefined = size.holdsTargets ? target : undefined;
    const result = resultOf(title, what, figures, unit, held);
    console.log(`  ${what}: ${result.median} ${unit} (${result.min} to ${result.max})`);
    results.push(result);
  },
  curve: (curve) => curves.push(curve),
  fail(why) {
    console.error(why);
    failures.add(why);
  },
});

// What a run that was killed has left.
rmSync(join(WORK, 'runs'), { recursive: true, force: true });
mkdirSync(join(WORK, 'inputs'), { recursive: true });
spawnSync(process.execPath, [join(ROOT, 'scripts/python-environments.mjs'), 'dlt', 'spark'], {
  stdio: 'inherit',
});
for (const name of names as (keyof typeof SCENARIOS)[]) {
  const { title, run: take } = SCENARIOS[name];
  console.log(title);
  take(benchOf(title));
}
const folder =
  values.only === undefined && size.holdsTargets ? join(ROOT, 'docs/benchmarks') : join(WORK, 'report');
write({ size: values.size, results, curves, failures: [...failures] }, folder);
console.table(results.map(({ scenario: _scenario, target, ...result }) => ({ ...result, ...target })));
console.log(`written to ${folder}`);
rmSync(join(WORK, 'inputs'), { recursive: true });
const wrong = [...failures, ...missed(results)];
for (const each of wrong) console.error(`missed or failed: ${each}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
