import { median, part, times } from '../measure.ts';
import { TARGETS } from '../sizes.ts';
import type { Scenario } from './scenario.ts';

export const shapes: Scenario = {
  title: 'Other shapes of input',
  run({ size, measure, record, curve }) {
    for (const [name, what] of [
      ['wide', '500 columns'],
      ['nested', 'JSON lines, nested'],
    ] as const) {
      const rounds = times(size.runs, () => measure(part('shape', name, String(size.shapes))).figures);
      const ratios = rounds.map(({ own = Number.NaN, bare = Number.NaN }) => own / bare);
      record(`${what}, ${size.shapes} MB: full path over bare COPY`, ratios, 'times');
      const speeds = rounds.map(({ own = Number.NaN }) => size.shapes / own);
      record(`${what}, ${size.shapes} MB: full path`, speeds, 'MB/s');
    }
    const counts = [size.smallFiles / 4, size.smallFiles / 2, size.smallFiles];
    const points = counts.map((count) => {
      const runs = count === size.smallFiles ? size.runs : 1;
      const seconds = times(runs, () => measure(part('files', String(count))).seconds);
      if (count === size.smallFiles)
        record(
          `${count} files of 20 rows, landing to published in one run`,
          seconds.map((each) => count / each),
          'files/s',
          TARGETS.smallFiles,
        );
      return [count, median(seconds)] as const;
    });
    curve({ what: 'small files', over: 'files', unit: 's', points });
  },
};

/** One percent of a large table's rows change in a day. */
export const daily: Scenario = {
  title: 'Daily merge',
  run({ size, measure, record }) {
    const { rows, months } = size.merge;
    const rounds = times(rows > 5_000_000 ? 1 : size.runs, () =>
      measure(part('merge', String(rows), String(months))),
    );
    const seconds = (name: string) => rounds.map(({ figures }) => figures[name] ?? Number.NaN);
    record(`first load of ${rows} rows in ${months} partitions`, seconds('first'), 's');
    record('1 percent changes, in every partition', seconds('anywhere'), 's');
    record('1 percent changes, in the newest partitions', seconds('newest'), 's');
    // In turns the one first and the other: the first one also pays for what is done only once.
    const pairs = times(
      size.runs,
      (index) => measure(part('history', String(size.history), index % 2 === 0 ? 'merge' : 'scd2')).figures,
    );
    for (const [what, unit] of [
      ['', ''],
      [' processor', ', processor time'],
    ] as const) {
      const ratios = pairs.map(
        (each) => (each[`scd2${what}`] ?? Number.NaN) / (each[`merge${what}`] ?? Number.NaN),
      );
      const title = `1 percent changes of ${size.history} rows, history over merge${unit}`;
      record(title, ratios, 'times', TARGETS.history);
    }
  },
};
