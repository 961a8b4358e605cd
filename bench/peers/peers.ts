import { cpus } from 'node:os';
import { join } from 'node:path';
import { sparkOf, sparkOptions } from '../../lib/adapters/local/spark-submit.ts';
import { type Job, part, ROOT, WORK } from '../measure.ts';
import { FEEDS, type FeedName } from '../parts/feeds.ts';

export interface Peer {
  readonly name: string;
  readonly job: (file: string) => Job;
  /** Files below the job's folder. Without it the peer does less than the job, and its rows are not compared. */
  readonly output?: (feed: FeedName) => { readonly published: string; readonly refused: string };
}

const output = (published: string, refused: string) => () => ({ published, refused });

export const HEADGATE: Peer = {
  name: 'Headgate',
  job: (file) => part('full', file),
  output: (feed) => {
    const [domain, name] = FEEDS[feed].dataset.split('/');
    return {
      published: `lake/lake/${domain}/${name}/data/**/*.parquet`,
      refused: `lake/lake/${domain}_quarantine/${name}/data/**/*.parquet`,
    };
  },
};

export const SPARK_BY_HAND: Peer = {
  name: 'PySpark by hand',
  job: (file) => ({
    program: sparkHome().python,
    arguments: [join(import.meta.dirname, 'spark_job.py'), file],
    environment: {
      ...Object.fromEntries(sparkHome().environment.map((setting) => setting.split(/=(.*)/s).slice(0, 2))),
      // What Headgate gives its own Spark.
      PYSPARK_SUBMIT_ARGS: [...sparkOptions({ scratch: WORK, cores: cpus().length }), 'pyspark-shell'].join(
        ' ',
      ),
    },
  }),
  output: output('published/**/*.parquet', 'quarantine/*.parquet'),
};
const sparkHome = () => sparkOf({ environment: join(ROOT, '.venv/spark') });

const dlt = (script: string) => (file: string) => ({
  program: join(ROOT, '.venv/dlt/bin/python'),
  arguments: [join(import.meta.dirname, script), file],
});

export const PEERS: readonly Peer[] = [
  { name: 'DuckDB, nothing checked', job: (file) => part('bare', file) },
  {
    name: 'DuckDB by hand',
    job: (file) => part('checked', file),
    output: output('published/**/*.parquet', 'quarantine.parquet'),
  },
  { name: 'dlt, nothing checked', job: dlt('dlt_arrow.py') },
  {
    name: 'dlt, each row validated',
    job: dlt('dlt_rows.py'),
    output: (feed) => ({ published: `out/${feed}_*/*.parquet`, refused: 'out/refused/*.parquet' }),
  },
  SPARK_BY_HAND,
  {
    name: 'Node by hand',
    job: (file) => part('plain', file),
    output: output('published/**/*.parquet', 'quarantine.parquet'),
  },
];
