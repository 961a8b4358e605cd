import { join } from 'node:path';
import { part, times } from '../measure.ts';
import { HEADGATE, PEERS, type Peer, SPARK_BY_HAND } from '../peers/peers.ts';
import { PEERS as TITLE } from '../report.ts';
import { TARGETS } from '../sizes.ts';
import type { Bench, Scenario } from './scenario.ts';

/** Other programs on the same file. What they publish and refuse must be what Headgate does, or they did not do the same job. */
export const peers: Scenario = {
  title: TITLE,
  run(bench) {
    const { size, input, measure, record } = bench;
    const file = input(size.peers);
    const wanted = outcomeOf(bench, HEADGATE, file);
    for (const peer of PEERS) requireEqual(bench, peer, outcomeOf(bench, peer, file), wanted);
    const rounds = times(size.runs, () => ({
      own: measure(HEADGATE.job(file)),
      others: PEERS.map(({ job }) => measure(job(file))),
    }));
    const seconds = rounds.map(({ own }) => own.seconds);
    record(`Headgate, ${size.peers} MB`, seconds, 's');
    record(
      'Headgate with the start of its process',
      rounds.map(({ own }) => own.wall),
      's',
    );
    for (const [index, { name }] of PEERS.entries()) {
      const of = (ratio: 'seconds' | 'wall') =>
        rounds.map(({ own, others }) => (others[index]?.[ratio] ?? Number.NaN) / own[ratio]);
      record(name, of('seconds'), 'times', TARGETS.peers[name]);
      record(`${name}, both with the start of their process`, of('wall'), 'times as long');
    }
  },
};

type Outcome = Readonly<Record<string, number>>;

function outcomeOf({ measure }: Bench, { job, output }: Peer, file: string): Outcome {
  let outcome: Outcome = {};
  // Also the run that brings every program into the caches of the machine.
  measure(job(file), (folder) => {
    if (output === undefined) return;
    const { published, refused } = output;
    outcome = measure(part('digest', join(folder, published), join(folder, refused))).figures;
  });
  return outcome;
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
        ...(index === 0 ? { byHand: measure(SPARK_BY_HAND.job(file)).wall } : {}),
      }));
      record(
        `Spark over DuckDB, ${megabytes} MB`,
        rounds.map(({ spark, duckDb }) => spark / duckDb),
        'times as long',
      );
      points.push([megabytes, Math.min(...rounds.map(({ spark, duckDb }) => spark / duckDb))]);
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
