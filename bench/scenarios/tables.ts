import { median, part, times } from '../measure.ts';
import { TARGETS } from '../sizes.ts';
import type { Scenario } from './scenario.ts';

export const tables: Scenario = {
  title: 'Tables and ledger with many files',
  run({ size, measure, record, curve }) {
    const rounds = size.tables.map((count) => ({
      count,
      figures: times(size.runs, () => measure(part('table', String(count))).figures),
    }));
    for (const what of ['plan', 'commit'] as const) {
      const seconds = rounds.map(({ count, figures }) => ({
        count,
        seconds: figures.map((each) => each[what] ?? Number.NaN),
      }));
      for (const { count, seconds: each } of seconds) {
        const target = what === 'commit' && count === 10_000 ? TARGETS.commit : undefined;
        record(`${what}, table of ${count} files`, each, 's', target);
      }
      const points = seconds.map(({ count, seconds: each }) => [count, median(each)] as const);
      curve({ what, over: 'files of the table', unit: 's', points });
    }
    const { figures } = measure(part('ledger', String(size.ledgerFiles), String(size.runs)));
    const asked = Map.groupBy(Object.entries(figures), ([name]) => name.replace(/ \d+$/, ''));
    for (const [what, samples] of asked) {
      const milliseconds = samples.map(([, each]) => each);
      record(`${what}, ledger of ${size.ledgerFiles} files`, milliseconds, 'ms', TARGETS.ledger);
    }
    const shares = times(size.runs, () => {
      const { compact = Number.NaN, bare = Number.NaN } = measure(
        part('compact', String(size.compacted)),
      ).figures;
      return bare / compact;
    });
    record(
      `compaction of ${size.compacted} files, speed of the bare rewrite`,
      shares,
      'times',
      TARGETS.compaction,
    );
  },
};
