// Headgate against the least that is possible and against other programs, in one run, interleaved: the machine's speed drifts, a ratio holds.
// Exits 1 when a target is missed, and says by how much; when a part or a whole scenario fails, which leaves the others alone; and when a peer's rows are not the same.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Job, type Measured, part, ROOT, run, WORK } from './measure.ts';
import type { FeedName } from './parts/feeds.ts';
import { type Curve, write } from './report.ts';
import { missed, type Result, resultOf, type Target } from './results.ts';
import { floor, memory } from './scenarios/floor.ts';
import { formats } from './scenarios/formats.ts';
import { engines, peers } from './scenarios/peers.ts';
import { type Bench, takeAll } from './scenarios/scenario.ts';
import { daily, shapes } from './scenarios/shapes.ts';
import { tables } from './scenarios/tables.ts';
import { SIZES } from './sizes.ts';

const SCENARIOS = { floor, peers, engines, shapes, formats, daily, tables, memory };
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
  input: (megabytes) => inputOf('transactions', 'generate', megabytes),
  sales: (megabytes) => inputOf('sales', 'real', megabytes),
  measure(asked, inspect) {
    let name = 'a part';
    try {
      const job = typeof asked === 'function' ? asked() : asked;
      name = nameOf(job);
      return run(job, inspect);
    } catch (error) {
      fail(`${title}: ${name} failed`, error);
      return NOTHING;
    }
  },
  record(what, figures, unit, target) {
    const held: Target | undefined = size.holdsTargets ? target : undefined;
    const result = resultOf(title, what, figures, unit, held);
    console.log(`  ${what}: ${result.median} ${unit} (${result.min} to ${result.max})`);
    results.push(result);
  },
  curve({ points, ...what }) {
    const known = points.filter(([, y]) => !Number.isNaN(y));
    if (known.length > 1) curves.push({ ...what, points: known });
  },
  fail: (why) => fail(why),
});

function inputOf(feed: FeedName, maker: string, megabytes: number): string {
  const file = join(WORK, 'inputs', `${feed}-${megabytes}.csv`);
  if (existsSync(file)) return file;
  run(part(maker, `${file}.part`, String(megabytes)));
  renameSync(`${file}.part`, file);
  return file;
}

/** Such as `part.ts full transactions-100.csv`. */
const nameOf = ({ arguments: all }: Job): string =>
  all
    .filter((each) => !each.startsWith('--'))
    .map((each) => basename(each))
    .join(' ');

/** All of it to the terminal, the line that says what went wrong to the report. */
function fail(why: string, error?: unknown): void {
  const message = error === undefined ? '' : error instanceof Error ? error.message : String(error);
  const line = /^.*Error: .*$/m.exec(message)?.[0] ?? message.trim().split('\n')[0];
  console.error(`${why}${message === '' ? '' : `: ${message}`}`);
  failures.add(`${why}${line ? `: ${line}` : ''}`);
}

// What a run that was killed has left.
rmSync(join(WORK, 'runs'), { recursive: true, force: true });
mkdirSync(join(WORK, 'inputs'), { recursive: true });
spawnSync(process.execPath, [join(ROOT, 'scripts/python-environments.mjs'), 'dlt', 'spark'], {
  stdio: 'inherit',
});
const folder =
  values.only === undefined && size.holdsTargets ? join(ROOT, 'docs/benchmarks') : join(WORK, 'report');
takeAll(
  (names as (keyof typeof SCENARIOS)[]).map((name) => SCENARIOS[name]),
  {
    benchOf,
    fail,
    // After each one: what was measured stands, whatever becomes of the others.
    done: (titles) =>
      write(
        {
          size: values.size,
          results,
          curves,
          failures: [...failures, ...titles.map((title) => `${title}: not run yet`)],
        },
        folder,
      ),
  },
);
console.table(results.map(({ scenario: _scenario, target, ...result }) => ({ ...result, ...target })));
console.log(`written to ${folder}`);
rmSync(join(WORK, 'inputs'), { recursive: true });
const wrong = [...failures, ...missed(results)];
for (const each of wrong) console.error(`missed or failed: ${each}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
