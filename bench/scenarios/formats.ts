import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, type Measured, partOf, times, WORK } from '../measure.ts';
import { TARGETS } from '../sizes.ts';
import type { Bench, Scenario } from './scenario.ts';

const NAMES = { avro: 'Avro', jsonl: 'nested JSON lines', xml: 'XML', xlsx: 'XLSX' } as const;
/** Sheets are packed and slow: a fifth as much of them. */
const shareOf = (name: string): number => (name === 'xlsx' ? 0.2 : 1);

/** Readers of lib/formats against the library that does nothing but read, by processor time; and memory from a small file to a large one. */
export const formats: Scenario = {
  title: 'Formats, by processor time',
  run(bench) {
    for (const [name, title] of Object.entries(NAMES)) {
      speed(bench, name, title);
      growth(bench, name, title);
    }
  },
};

function speed(bench: Bench, name: string, title: string): void {
  const { size, measure, record } = bench;
  withFile(bench, name, size.formats.megabytes * shareOf(name), (file, megabytes) => {
    const rounds = times(size.formats.runs, () => ({
      bare: measure(job('bare', file)),
      read: measure(job('read', file)),
      profile: measure(job('profile', file)),
    }));
    for (const [what, action] of [
      ['library alone', 'bare'],
      ['reading', 'read'],
      ['profiling', 'profile'],
    ] as const) {
      const speeds = rounds.map((round) => megabytes / round[action].seconds);
      record(`${title}, ${Number(megabytes.toPrecision(2))} MB: ${what}`, speeds, 'MB/s');
    }
    const shares = rounds.map(({ bare, read }) => bare.seconds / read.seconds);
    record(`${title}: reading over library alone`, shares, 'times', TARGETS.formatSpeed);
    record(
      `${title}: peak memory`,
      rounds.map(({ read, profile }) => peakOf(read, profile)),
      'MB',
    );
  });
}

function growth(bench: Bench, name: string, title: string): void {
  const { size, measure, record } = bench;
  if (size.formats.memory === undefined) return;
  const [small, most] = size.formats.memory;
  const large = most * shareOf(name);
  const peaks = [small, large].map((megabytes) => {
    let peak = Number.NaN;
    withFile(bench, name, megabytes, (file) => {
      peak = peakOf(measure(job('read', file)), measure(job('profile', file)));
    });
    return peak;
  });
  const [before = Number.NaN, after = Number.NaN] = peaks;
  record(
    `${title}: peak memory, ${large} MB over ${small} MB`,
    [after / before],
    'times',
    TARGETS.formatMemory,
  );
}

const peakOf = (...measured: readonly Measured[]): number =>
  Math.max(...measured.map(({ peakMegabytes }) => peakMegabytes));

function withFile(
  { measure }: Bench,
  name: string,
  wanted: number,
  use: (file: string, megabytes: number) => void,
): void {
  const file = join(WORK, 'inputs', `rows-${wanted}.${name}`);
  const { megabytes = Number.NaN } = measure(formatPart('formatFile', file, String(wanted))).figures;
  use(file, megabytes);
  rmSync(file, { force: true });
}

const formatPart = partOf('format-part.ts');

/** As bin/headgate.mjs starts it. */
function job(action: string, file: string): Job {
  const plain = formatPart('format', action, file);
  return { ...plain, arguments: ['--max-semi-space-size=16', ...plain.arguments] };
}
