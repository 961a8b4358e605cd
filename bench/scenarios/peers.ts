import { join } from 'node:path';
import { median, part, times } from '../measure.ts';
import { feedNameOf } from '../parts/feeds.ts';
import { HEADGATE, PEERS, type Peer, SPARK_BY_HAND } from '../peers/peers.ts';
import { PEERS as TITLE } from '../report.ts';
import { TARGETS } from '../sizes.ts';
import type { Bench, Scenario } from './scenario.ts';

/** Other programs on the same file, a generated and a real one. What they publish and refuse must be what Headgate does, or they did not do the same job. */
export const peers: Scenario = {
  title: TITLE,
  run(bench) {
    const { size, input, sales } = bench;
    compare(bench, { file: input(size.peers), megabytes: size.peers, runs: size.runs, others: PEERS });
    const { megabytes, runs, spark } = size.real;
    const others = PEERS.filter((peer) => spark || peer !== SPARK_BY_HAND);
    compare(bench, { file: sales(megabytes), megabytes, runs, others, suffix: ', real input' });
  },
};

interface Comparison {
  readonly file: string;
  readonly megabytes: number;
  readonly runs: number;
  readonly others: readonly Peer[];
  /** Behind the names of its results, which hold no target: those of DESIGN are for generated transactions. @default none, and targets hold */
  readonly suffix?: string;
}

function compare(bench: Bench, { file, megabytes, runs, others, suffix }: Comparison): void {
  const { record } = bench;
  const rounds = times(runs, () => {
    const own = taken(bench, HEADGATE, file);
    const peers = others.map((peer) => {
      const other = taken(bench, peer, file);
      requireEqual(bench, peer, other.outcome, own.outcome);
      return other;
    });
    return { own, peers };
  });
  const named = (what: string) => `${what}${suffix ?? ''}`;
  const ownOf = (time: 'seconds' | 'wall') => rounds.map(({ own }) => own[time]);
  record(named(`Headgate, ${megabytes} MB`), ownOf('seconds'), 's');
  record(named('Headgate with the start of its process'), ownOf('wall'), 's');
  for (const [index, { name }] of others.entries()) {
    const of = (time: 'seconds' | 'wall') =>
      rounds.map(({ own, peers: measured }) => (measured[index]?.[time] ?? Number.NaN) / own[time]);
    const target = suffix === undefined ? TARGETS.peers[name] : undefined;
    record(named(name), of('seconds'), 'times', target);
    record(named(`${name}, both with the start of their process`), of('wall'), 'times as long');
  }
}

type Outcome = Readonly<Record<string, number>>;

/** What a program takes, and what it has made of the file. */
function taken({ measure }: Bench, { job, output }: Peer, file: string) {
  let outcome: Outcome = {};
  const measured = measure(
    () => job(file),
    (folder) => {
      if (output === undefined) return;
      const feed = feedNameOf(file);
      const { published, refused } = output(feed);
      outcome = measure(part('digest', feed, join(folder, published), join(folder, refused))).figures;
    },
  );
  return { ...measured, outcome };
}

function requireEqual({ fail }: Bench, { name, output }: Peer, outcome: Outcome, wanted: Outcome): void {
  if (output === undefined) return;
  const other = Object.keys({ ...wanted, ...outcome }).filter((what) => outcome[what] !== wanted[what]);
  const facts = other.map((what) => `${what} ${outcome[what]} instead of ${wanted[what]}`);
  if (other.length > 0 || Object.keys(wanted).length === 0)
    fail(`the comparison with ${name} is void: ${facts.join(', ') || 'nothing to compare with'}`);
}

/** Spark against DuckDB, to know from which size on it is worth its start; and against Spark without Headgate. */
export const engines: Scenario = {
  title: 'Spark',
  run({ size, input, measure, record, curve }) {
    const points: [number, number][] = [];
    for (const [index, megabytes] of size.engines.entries()) {
      const file = input(megabytes);
      const rounds = times(megabytes > 1000 ? 1 : size.runs, () => ({
        spark: measure(part('full', file, 'spark')).wall,
        duckDb: measure(part('full', file, 'duckdb')).wall,
        ...(index === 0 ? { byHand: measure(() => SPARK_BY_HAND.job(file)).wall } : {}),
      }));
      record(
        `Spark over DuckDB, ${megabytes} MB`,
        rounds.map(({ spark, duckDb }) => spark / duckDb),
        'times as long',
      );
      points.push([megabytes, median(rounds.map(({ spark, duckDb }) => spark / duckDb))]);
      if (index === 0)
        record(
          `Headgate on Spark over PySpark by hand, ${megabytes} MB`,
          rounds.map(({ spark, byHand = Number.NaN }) => spark / byHand),
          'times as long',
          TARGETS.sparkByHand,
        );
    }
    if (points.length > 1) curve({ what: 'Spark over DuckDB', over: 'MB of input', unit: 'times', points });
  },
};
