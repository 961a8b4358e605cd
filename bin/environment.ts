import { join } from 'node:path';

/** The one place where the command line reads its environment. */
export const environment = {
  home: process.env.HEADGATE_HOME ?? '.headgate',
  contracts: process.env.HEADGATE_CONTRACTS ?? 'contracts',
  marts: process.env.HEADGATE_MARTS ?? 'sql',
  /** Where notices are posted as JSON, beside the terminal. */
  webhook: process.env.HEADGATE_WEBHOOK,
  /** Team whose workgroup of Athena is asked in a stage, as config/*.yaml names it: people may use no other. */
  team: process.env.HEADGATE_TEAM,
  /** Memory for DuckDB, such as `1GB`; for a query as well (QUERY_LIMITS). */
  memory: process.env.HEADGATE_MEMORY,
  /** Python environment with Spark, made from test/requirements/spark.txt. */
  spark: process.env.HEADGATE_SPARK ?? join(import.meta.dirname, '../.venv/spark'),
  /** Python environment with Splink, made from test/requirements/matching.txt. */
  matching: process.env.HEADGATE_MATCHING ?? join(import.meta.dirname, '../.venv/matching'),
  /** Memory for Spark's Java process, such as `4g`. */
  sparkMemory: process.env.HEADGATE_SPARK_MEMORY,
  /** Bytes of input from which contracts with `engine: auto` run on Spark; without it they never do. */
  sparkFromBytes: process.env.HEADGATE_SPARK_FROM_BYTES,
  debug: process.env.HEADGATE_DEBUG === '1',
} as const;
