// `npm run profile -- <part> <arguments>`: one part of the benchmark with a flame graph of Node and DuckDB's own profile of its slowest statements.
// `npm run profile -- full transactions.csv`; with a number of megabytes instead of a file, one is generated.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { part, run, WORK } from './measure.ts';

const [name = 'full', ...args] = process.argv.slice(2);
const out = join(WORK, 'profile');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const file = join(out, 'transactions.csv');
const isGenerated =
  /^[0-9]+$/.test(args[0] ?? '') && ['full', 'bare', 'checked', 'plain', 'init'].includes(name);
if (isGenerated) run(part('generate', file, args[0] ?? ''));
const job = part(name, ...(isGenerated ? [file, ...args.slice(1)] : args));
const { seconds, peakMegabytes, figures } = run({
  ...job,
  arguments: [
    '--cpu-prof',
    `--cpu-prof-dir=${out}`,
    `--import=${join(import.meta.dirname, 'duckdb-profiles.ts')}`,
    ...job.arguments,
  ],
  environment: { BENCH_PROFILES: out },
});
console.log(`${name}: ${seconds.toFixed(2)} s, peak ${Math.round(peakMegabytes)} MB`, figures);

const viewer = join(
  createRequire(import.meta.url).resolve('speedscope/package.json'),
  '../dist/release/index.html',
);
for (const profile of readdirSync(out).filter((each) => each.endsWith('.cpuprofile'))) {
  const script = join(out, `${profile}.js`);
  const base64 = readFileSync(join(out, profile)).toString('base64');
  writeFileSync(
    script,
    `speedscope.loadFileFromBase64(${JSON.stringify(basename(profile))}, ${JSON.stringify(base64)})`,
  );
  const page = join(out, 'flame-graph.html');
  // What speedscope's own command line writes: its viewer reads a profile from a script beside it.
  writeFileSync(
    page,
    `<script>location = ${JSON.stringify(`${pathToFileURL(viewer)}#localProfilePath=${script}`)}</script>`,
  );
  console.log(`flame graph: open ${page}`);
}

interface Statement {
  readonly latency: number;
  readonly query_name: string;
}
const statements = readdirSync(out)
  .filter((each) => each.startsWith('duckdb-'))
  .map((each) => ({ each, ...(JSON.parse(readFileSync(join(out, each), 'utf8')) as Statement) }))
  .sort((a, b) => b.latency - a.latency)
  .slice(0, 5);
for (const { each, latency, query_name } of statements)
  console.log(
    `${latency.toFixed(3)} s  ${join(out, each)}  ${query_name.replaceAll(/\s+/g, ' ').slice(0, 100)}`,
  );
