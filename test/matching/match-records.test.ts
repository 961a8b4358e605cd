import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readEntities } from '../../lib/adapters/local/contracts.ts';
import { withDuckDb } from '../../lib/adapters/local/duckdb-session.ts';
import { splinkProcess } from '../../lib/adapters/local/splink-process.ts';
import type { Entity } from '../../lib/contract/entity.ts';
import { type LinkAnswer, linkJob } from '../../lib/matching/settings.ts';
import { ROOT } from '../support/headgate.ts';
import { describeWithJudges, interpreterOf } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('match-records');
const scripts = join(ROOT, 'glue-scripts');
const entity = readEntities(join(ROOT, 'contracts/customers'))[0] as Entity;

/** A job about records of which all but `others` say the same. */
async function jobOf(name: string, same: number, others: number): Promise<string> {
  const at = (file: string) => join(folder, name, file);
  mkdirSync(at('pairs'), { recursive: true });
  const job = linkJob(entity, {
    records: at('records.parquet'),
    pairs: at('pairs'),
    answer: at('answer.json'),
  });
  const columns = entity.fields.map(
    (field) => `CASE WHEN n < ${same} THEN '${field.name}' ELSE 'other ' || n END AS "v_${field.name}"`,
  );
  await withDuckDb({ scratch: at('scratch') }, (db) =>
    db.run(
      `COPY (SELECT CAST(n AS INTEGER) AS n, ${columns.join(', ')} FROM range(${same + others}) AS r(n)) TO '${job.records}' (FORMAT parquet)`,
    ),
  );
  const recall = { ...job, certain: { ...job.certain, recall: 0.5 } };
  writeFileSync(at('job.json'), JSON.stringify(recall));
  return at('job.json');
}

describeWithJudges(['matching'], 'match_records.py', () => {
  // Certain pairs are all pairs, more than the share that the rules are said to find, and exactly that share.
  test.each([
    [2, 0],
    [3, 0],
    [3, 1],
  ])('compares %d records that are certainly one, and %d others', async (same, others) => {
    const job = await jobOf(`few-${same}-${others}`, same, others);
    const environment = join(ROOT, '.venv/matching');
    await splinkProcess('duckdb', { environment, scripts, log: () => {} })(job);
    const answer = JSON.parse(readFileSync(join(job, '../answer.json'), 'utf8')) as LinkAnswer;
    expect(answer).toMatchObject({ pairs: expect.any(Number), model: expect.anything() });
  });

  test('lets DuckDB spill beside the records only, never where the process was started', async () => {
    const job = await jobOf('spill', 5, 20);
    const program = `
import json, sys, duckdb
said, connect = set(), duckdb.connect
def seen(*names, **options):
    connection = connect(*names, **options)
    # Splink opens one of its own by name, in which no record stands.
    if not names:
        said.add(connection.execute("SELECT current_setting('temp_directory')").fetchone()[0])
    return connection
duckdb.connect = seen
import match_records
match_records.main(["", "--job", sys.argv[1]])
print(json.dumps(sorted(said)))`;
    const stdout = execFileSync(interpreterOf('matching'), ['-B', '-c', program, job], {
      env: { ...process.env, PYTHONPATH: scripts },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual([join(job, '../spill-splink')]);
  });
});
