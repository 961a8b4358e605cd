import { FEEDS, type FeedName } from './feeds.ts';
import { duckDb, type Figures } from './transactions.ts';

/**
 * What a program made of an input, as figures that are equal when the same rows were published and refused: that the same of two
 * transactions with one key won shows in the times of their last change. Also whether the files are what was asked for.
 */
export async function digest(
  name: FeedName,
  published: string,
  refused: string,
  folder: string,
): Promise<Figures> {
  const { figures, month } = FEEDS[name];
  const connection = await duckDb(folder);
  const one = async (sql: string): Promise<Figures> => {
    const [row = {}] = (await connection.runAndReadAll(sql)).getRowObjectsJson();
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
  };
  await connection.run("SET TimeZone = 'UTC'");
  const reasons = await one(
    `SELECT count(*) FILTER (column_name = '_reasons') AS own FROM (DESCRIBE FROM read_parquet('${refused}'))`,
  );
  return {
    ...(await one(
      `SELECT count(*) AS published, ${figures} FROM read_parquet('${published}', hive_partitioning = false)`,
    )),
    ...(await one(
      `SELECT count(*) AS quarantined, count(*) FILTER (coalesce(${reasons.own === 1 ? 'len(_reasons)' : 'length(reasons)'}, 0) = 0) AS without_reason FROM read_parquet('${refused}')`,
    )),
    ...(await one(
      `SELECT count(*) AS files_of_several_months FROM (SELECT filename FROM read_parquet('${published}', hive_partitioning = false, filename = true)
        GROUP BY filename HAVING count(DISTINCT date_trunc('month', ${month})) > 1)`,
    )),
    ...(await one(
      `SELECT count(*) FILTER (compression <> 'ZSTD') AS not_zstd FROM parquet_metadata('${published}')`,
    )),
  };
}
