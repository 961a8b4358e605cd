/** The one place where the command line reads its environment. */
export const environment = {
  home: process.env.HEADGATE_HOME ?? '.headgate',
  contracts: process.env.HEADGATE_CONTRACTS ?? 'contracts',
  marts: process.env.HEADGATE_MARTS ?? 'sql',
  /** Where notices are posted as JSON, beside the terminal. */
  webhook: process.env.HEADGATE_WEBHOOK,
  /** Memory for DuckDB, such as `1GB`. */
  memory: process.env.HEADGATE_MEMORY,
  debug: process.env.HEADGATE_DEBUG === '1',
} as const;
