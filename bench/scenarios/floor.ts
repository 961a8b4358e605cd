import { exponent, median, part, times } from '../measure.ts';
import { TARGETS } from '../sizes.ts';
import type { Scenario } from './scenario.ts';

/** One file of transactions against the least that DuckDB can do with it, interleaved. */
export const floor: Scenario = {
  title: 'One file, against a bare read-cast-COPY',
  run({ size, input, measure, record, curve }) {
    const points: (readonly [number, number])[] = [];
    for (const megabytes of size.floor) {
      const rounds = times(size.runs, () => ({
        bare: measure(part('bare', input(megabytes))).seconds,
        full: measure(part('full', input(megabytes))).seconds,
      }));
      const ratios = rounds.map(({ bare, full }) => full / bare);
      record(`full path over bare COPY, ${megabytes} MB`, ratios, 'times', TARGETS.floor[megabytes]);
      record(
        `full path, ${megabytes} MB`,
        rounds.map(({ full }) => megabytes / full),
        'MB/s',
      );
      points.push([megabytes, median(rounds.map(({ full }) => full))]);
    }
    curve({ what: 'full path', over: 'MB of input', unit: 's', points });
    const megabytes = Math.max(...size.floor);
    const tight = times(size.runs, () => ({
      bare: measure(part('bare', input(megabytes))).seconds,
      full: measure(part('full', input(megabytes), 'duckdb', TIGHT)),
    }));
    record(
      `full path in 1 GiB over bare COPY, ${megabytes} MB`,
      tight.map(({ bare, full }) => full.seconds / bare),
      'times',
      TARGETS.tightMemory,
    );
    const peaks = tight.map(({ full }) => full.peakMegabytes);
    record(`its peak memory, DuckDB limited to ${TIGHT}`, peaks, 'MB', TARGETS.tightMegabytes);
    const proposing = Math.min(100, megabytes);
    const seconds = times(size.runs, () => measure(part('init', input(proposing))).seconds);
    record(`contract init, ${proposing} MB`, seconds, 's', TARGETS.init);
  },
};

/** What DuckDB may take of the 1 GiB that the process may take. */
const TIGHT = '600MB';

/** Peak memory over the size of the input, DuckDB limited as above: with more it takes more, up to its limit, and the peak says nothing of what it needs. */
export const memory: Scenario = {
  title: 'Memory',
  run({ size, input, measure, record, curve }) {
    if (size.memory.length === 0) return;
    const points = size.memory.map(
      (megabytes) =>
        [megabytes, measure(part('full', input(megabytes), 'duckdb', TIGHT)).peakMegabytes] as const,
    );
    for (const [megabytes, peak] of points)
      record(`peak, ${megabytes} MB of input`, [peak], 'MB', TARGETS.memoryMegabytes);
    record('exponent of peak memory over input', [exponent(points)], '');
    const peakOf = new Map(points);
    const ratio = (peakOf.get(4000) ?? Number.NaN) / (peakOf.get(1000) ?? Number.NaN);
    record('peak of 4 GB over peak of 1 GB', [ratio], 'times', TARGETS.memoryGrowth);
    curve({ what: 'peak memory', over: 'MB of input', unit: 'MB', points });
  },
};
