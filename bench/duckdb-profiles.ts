// Loaded before a part: every statement on any connection leaves DuckDB's profile of it as JSON in a folder.
import { join } from 'node:path';
import { DuckDBConnection } from '@duckdb/node-api';

const folder = process.env.BENCH_PROFILES ?? '.';
const run = DuckDBConnection.prototype.run;
const profiled = new WeakSet<DuckDBConnection>();
let count = 0;

DuckDBConnection.prototype.run = async function (this: DuckDBConnection, ...statement) {
  if (!profiled.has(this)) {
    profiled.add(this);
    await run.call(this, "SET enable_profiling = 'json'");
  }
  await run.call(this, `SET profiling_output = '${join(folder, `duckdb-${count++}.json`)}'`);
  return run.apply(this, statement);
};
