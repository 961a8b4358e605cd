import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { version as duckDbVersion } from '@duckdb/node-api';
import * as echarts from 'echarts';
import { exponent, ROOT } from './measure.ts';
import { missed, type Result, round, textOf } from './results.ts';

/** A quantity over another, with the exponent of the power law through its points. */
export interface Curve {
  readonly what: string;
  readonly over: string;
  readonly unit: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface Report {
  readonly size: string;
  readonly results: readonly Result[];
  readonly curves: readonly Curve[];
  /** Parts that did not run to their end, and comparisons that are void. */
  readonly failures: readonly string[];
}

/** The page, the figures as JSON and the charts of one size. */
export function write(report: Report, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const at = (ending: string) => join(folder, `${report.size}${ending}`);
  writeFileSync(at('.json'), `${JSON.stringify({ machine: machine(), ...report }, null, 2)}\n`);
  writeFileSync(at('-peers.svg'), svg(bars(report.results.filter(({ scenario }) => scenario === PEERS))));
  writeFileSync(at('-growth.svg'), svg(lines(report.curves)));
  writeFileSync(at('.md'), page(report));
}

/** Results of this scenario stand in the chart of peers. */
export const PEERS = 'Same job, other programs';

function machine(): readonly string[] {
  const environment = (name: string, wanted: string) => {
    const list = readFileSync(join(ROOT, name), 'utf8');
    return `${wanted} ${new RegExp(`^${wanted}==([^ \\n]+)`, 'm').exec(list)?.[1]}`;
  };
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: ROOT,
    encoding: 'utf8',
  }).trim();
  return [
    `${new Date().toISOString().slice(0, 16)}Z, commit ${commit}`,
    `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}`,
    `Node ${process.version}, DuckDB ${duckDbVersion()}, ${environment('bench/requirements/dlt.txt', 'dlt')}, ${environment('test/requirements/spark.txt', 'pyspark')}`,
  ];
}

function page({ size, results, curves, failures }: Report): string {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))];
  const late = missed(results);
  return [
    `# Benchmarks, size ${size}`,
    `Written by \`npm run bench -- --size ${size}\`; each figure from interleaved runs, or from one where all three are the same. ${machine().join('. ')}.`,
    [...failures, ...late].length === 0
      ? 'Every part ran and every target is met.'
      : [...failures, ...late].map((line) => `- **${line}**`).join('\n'),
    ...scenarios.map((scenario) =>
      [
        `## ${scenario}\n`,
        ...(scenario === PEERS ? [`${RULES}\n`] : []),
        row(['what', 'min', 'median', 'max', 'unit', 'target']),
        row(['---', '---:', '---:', '---:', '---', '---']),
        ...results
          .filter((result) => result.scenario === scenario)
          .map(({ what, min, median: middle, max, unit, target }) =>
            row([what, min, middle, max, unit, target === undefined ? '' : textOf(target)]),
          ),
        ...(scenario === PEERS ? [`\n![seconds over those of Headgate](${size}-peers.svg)`] : []),
      ].join('\n'),
    ),
    [
      '## Growth\n',
      row(['what', 'over', 'points', 'exponent']),
      row(['---', '---', '---', '---:']),
      ...curves.map(({ what, over, unit, points }) =>
        row([
          what,
          over,
          points.map(([x, y]) => `${x}: ${round(y)} ${unit}`).join(', '),
          exponent(points).toFixed(2),
        ]),
      ),
      `\n![growth](${size}-growth.svg)`,
    ].join('\n'),
  ].join('\n\n');
}

const RULES =
  'Types, checks, dedupe by key, quarantine of bad rows with reasons, zstd Parquet by month, from the same file: generated transactions, and real invoice lines (the days of the "Online Retail" data in ../shared/data/retail; where they are not enough they come ' +
  'again under other invoice numbers). Every result is held against ' +
  "Headgate's: as many rows published and refused, the same amounts, and of transactions the same of two rows won. Headgate alone also hashes the file, keeps a copy, replaces card numbers by tokens " +
  'and accounts for every row in its ledger. dlt has no partitions by column: a table for each month stands for them. Those that check nothing do not partition (dlt) or only cast and partition (DuckDB). ' +
  'Ratios are of the job alone, after interpreters, Java and libraries have been loaded, which favours the others; targets hold for these, with generated input.';

export function svg(option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 420 });
  chart.setOption({ animation: false, backgroundColor: '#fff', ...option });
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

const bars = (results: readonly Result[]): echarts.EChartsOption => {
  const ratios = results.filter(({ unit }) => unit === 'times').toReversed();
  return {
    title: { text: "Seconds over Headgate's, job alone (log scale)" },
    grid: { left: 220, right: 80 },
    xAxis: { type: 'log' },
    yAxis: { type: 'category', data: ratios.map(({ what }) => what) },
    series: [
      {
        type: 'bar',
        data: ratios.map(({ median: ratio }) => ratio),
        label: { show: true, position: 'right' },
      },
    ],
  };
};

/** Every curve relative to its first point: the slope is the exponent. */
const lines = (curves: readonly Curve[]): echarts.EChartsOption => ({
  title: { text: 'Growth relative to the smallest (log-log; a straight diagonal is linear)' },
  legend: { bottom: 0, itemGap: 24 },
  grid: { bottom: 90 },
  xAxis: { type: 'log' },
  yAxis: { type: 'log' },
  series: curves.map(({ what, points }) => ({
    type: 'line',
    name: `${what} (${exponent(points).toFixed(2)})`,
    data: points.map(([x, y]) => [x / (points[0]?.[0] ?? x), y / (points[0]?.[1] ?? y)]),
  })),
});
