// Sustained arrivals at random sizes on the laptop adapters, with faults on: is memory flat, do ledger queries stay as fast, are handles given back?
//   npm run bench:load -- [--minutes 30]     writes load.md and load.svg, from 30 minutes on to docs/benchmarks; exits 1 when something grows, as it does in the first ten
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLake } from '../lib/adapters/local/lake.ts';
import { runStateMachine } from '../lib/adapters/local/state-machine.ts';
import { TransientError } from '../lib/errors.ts';
import { router } from '../lib/intake/route.ts';
import { partitions } from '../lib/ledger/entries.ts';
import { pendingFiles } from '../lib/ledger/files.ts';
import { summaryOf } from '../lib/ledger/summary.ts';
import { work } from '../lib/pipeline/work.ts';
import { ROOT, rise, WORK } from './measure.ts';
import { svg } from './report.ts';

const DATASET = 'shop/items';
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' } },
});
const minutes = Number(values.minutes);
const home = mkdtempSync(join(tmpdir(), 'headgate-load-'));

/** One call in two hundred on the ledger and the stores fails as a service does that is busy; half of these have been done all the same. */
const FAULTY = 1 / 200;
let faults = 0;
function faulty<Port extends object>(port: Port, methods: readonly (keyof Port)[]): Port {
  const changed = methods.map((name) => [
    name,
    async (...args: unknown[]) => {
      const perform = () => (port[name] as (...all: unknown[]) => Promise<unknown>).apply(port, args);
      if (Math.random() >= FAULTY) return perform();
      faults += 1;
      if (Math.random() < 0.5) await perform();
      throw new TransientError(`${String(name)}: busy`, { fault: 'headgate' });
    },
  ]);
  return { ...port, ...Object.fromEntries(changed) };
}

const opened = openLake({
  home,
  contracts: join(ROOT, 'test/cases/good-file'),
  notifier: { notify: async () => undefined },
});
const stores = {
  ...opened.stores,
  raw: faulty(opened.stores.raw, ['write', 'stat', 'remove']),
  lake: faulty(opened.stores.lake, ['write', 'stat', 'remove']),
};
const lake = { ...opened, stores, ledger: faulty(opened.ledger, ['get', 'query', 'transact']) };
const { ledger: calm } = opened;

let landed = 0;
let rows = 0;
let badRows = 0;
/** One row in a hundred has an amount that is none. */
const BAD = 1 / 100;
function arrive(): void {
  const count = 1 + Math.floor(Math.exp(Math.random() * 9));
  const lines = Array.from({ length: count }, (_, index) => {
    const isBad = Math.random() < BAD;
    if (isBad) badRows += 1;
    return `${rows + index},name ${index},${isBad ? 'much' : `${index % 100}.50`}`;
  });
  rows += count;
  landed += 1;
  const day = new Date(Date.UTC(2026, 0, 1 + (landed % 28))).toISOString().slice(0, 10);
  const folder = join(home, 'landing/shop', day);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${landed}.csv`), `id,name,amount\n${lines.join('\n')}\n`);
}

interface Sample {
  readonly minute: number;
  readonly files: number;
  readonly megabytes: number;
  /** Of it: V8's heap, what Node holds for it outside (buffers), pages of mapped files such as libraries; the rest is the C allocator's. */
  readonly heap: number;
  readonly external: number;
  readonly mapped: number;
  readonly queryMs: number;
  readonly handles: number;
}

function memory(): Pick<Sample, 'megabytes' | 'heap' | 'external' | 'mapped'> {
  const { rss, heapTotal, external } = process.memoryUsage();
  const [, kibibytes = '0'] = /^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const [megabytes = 0, heap = 0, outside = 0] = [rss, heapTotal, external].map((bytes) =>
    Math.round(bytes / 1024 ** 2),
  );
  return { megabytes, heap, external: outside, mapped: Math.round(Number(kibibytes) / 1024) };
}

async function sampled(minute: number): Promise<Sample> {
  globalThis.gc?.();
  const times: number[] = [];
  for (let turn = 0; turn < 21; turn++) {
    const begun = performance.now();
    await summaryOf(calm, DATASET);
    await pendingFiles(calm, DATASET, 100);
    await calm.query({ partition: partitions.openRuns });
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  return {
    minute,
    files: landed,
    ...memory(),
    queryMs: times[10] ?? 0,
    handles: readdirSync('/proc/self/fd').length,
  };
}

const turn = () =>
  work(
    {
      services: lake,
      ports: { landing: lake.landing, raw: stores.raw, ledger: lake.ledger, notifier: lake.notifier },
      start: (dataset) => runStateMachine(lake, dataset),
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  ).catch(() => undefined);

const begun = performance.now();
const elapsed = () => (performance.now() - begun) / 60_000;
const samples: Sample[] = [];
while (elapsed() < minutes) {
  for (let count = Math.floor(Math.random() * 20); count >= 0; count--) arrive();
  await turn();
  if (elapsed() >= (samples.length + 1) * Math.max(minutes / 30, 0.1)) samples.push(await sampled(elapsed()));
}
const limit = begun + (minutes + 3) * 60_000;
let summary = await summaryOf(calm, DATASET);
while (summary.rowsReceived !== rows || summary.admitted > 0) {
  if (performance.now() > limit) break;
  await turn();
  summary = await summaryOf(calm, DATASET);
}
samples.push(await sampled(elapsed()));

const rises = (of: (sample: Sample) => number) => rise(samples.map((each) => [each.minute, of(each)]));
const [memoryRise, queryRise] = [rises((each) => each.megabytes), rises((each) => each.queryMs)];
const { rowsReceived, rowsPublished, rowsQuarantined, rowsDeduplicated } = summary;
const checks: readonly (readonly [string, boolean, string])[] = [
  ['resident memory, rise over the last two thirds, at most 1.1', memoryRise <= 1.1, memoryRise.toFixed(2)],
  ['ledger queries, rise over the last two thirds, at most 1.5', queryRise <= 1.5, queryRise.toFixed(2)],
  [
    'open handles, last over second sample',
    (samples.at(-1)?.handles ?? 0) <= (samples[1]?.handles ?? 0) + 5,
    `${samples[1]?.handles} to ${samples.at(-1)?.handles}`,
  ],
  [
    'rows sent = received = published + quarantined + deduplicated',
    rowsReceived === rows && rowsPublished + rowsQuarantined + rowsDeduplicated === rows,
    `${rows} = ${rowsReceived} = ${rowsPublished} + ${rowsQuarantined} + ${rowsDeduplicated}`,
  ],
  [
    'bad rows sent = quarantined',
    rowsQuarantined === badRows && badRows > 0,
    `${badRows} = ${rowsQuarantined}`,
  ],
];
const report = `# Sustained load

${minutes} minutes of arrivals on ${cpus()[0]?.model.trim()} (${cpus().length} cores seen, ${Math.round(totalmem() / 1024 ** 3)} GiB), Node ${process.versions.node}; ${new Date().toISOString().slice(0, 10)}.
Files of 1 to 8,000 rows, one in a hundred of them bad, up to 20 at a time, laptop adapters; one call in two hundred on ledger and stores fails, half of them after they were done (${faults} did). ${landed} files, ${rows} rows.

| minute | files | resident MiB | V8’s heap | buffers | mapped files | ledger queries, ms | open handles |
|---|---|---|---|---|---|---|---|
${samples.map((each) => `| ${each.minute.toFixed(1)} | ${each.files} | ${each.megabytes} | ${each.heap} | ${each.external} | ${each.mapped} | ${each.queryMs.toFixed(2)} | ${each.handles} |`).join('\n')}

![memory, ledger queries and handles by minute](load.svg)

${checks.map(([what, holds, figure]) => `- ${holds ? 'holds' : 'MISSED'}: ${what}: ${figure}`).join('\n')}

Rise: of a line through the samples, its slope the median of those between all pairs. What memory does in the first minutes, and why: [where it comes from](load-memory.md).
`;
const folder = minutes < 30 ? join(WORK, 'report') : join(ROOT, 'docs/benchmarks');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'load.md'), report);
const figures: readonly (readonly [string, (sample: Sample) => number])[] = [
  ['resident memory, MiB', (each) => each.megabytes],
  ['files landed, tens', (each) => each.files / 10],
  ['ledger queries, microseconds', (each) => each.queryMs * 1000],
  ['open handles', (each) => each.handles],
];
const chart = svg({
  title: { text: 'Sustained load with faults' },
  legend: { bottom: 0 },
  xAxis: { type: 'value', name: 'minute' },
  yAxis: { type: 'log' },
  series: figures.map(([name, of]) => ({
    type: 'line',
    name,
    data: samples.map((each) => [each.minute, of(each)]),
  })),
});
writeFileSync(join(folder, 'load.svg'), chart);
console.log(`${report}\nwritten to ${folder}`);
rmSync(home, { recursive: true, force: true });
process.exit(checks.every(([, holds]) => holds) ? 0 : 1);
