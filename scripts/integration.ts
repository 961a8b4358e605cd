// After a deploy: the statement of every mart, as this commit has it, answers on the tables of a stage. Only reads, so that it can be asked of production before it is deployed there.
// Arguments: the stage, and a team whose workgroup is asked (config/*.yaml, athena.teams). The default is the stage's own.
import { globSync, readFileSync } from 'node:fs';
import { queryEngineOf } from '../lib/adapters/aws/lake.ts';
import { workgroupOf } from '../lib/adapters/aws/settings.ts';
import { settingsOfStage } from '../lib/adapters/aws/stage-settings.ts';
import { parseMart } from '../lib/reports/marts.ts';
import { tryMarts } from '../lib/reports/trial.ts';
import { viewsOf } from '../lib/reports/views.ts';

const [, , stage = '', team] = process.argv;
const marts = globSync('sql/*/*.sql')
  .sort()
  .map((file) => parseMart(file, readFileSync(file, 'utf8')));
// Those that read the ledger have no tables in a stage.
const views = new Set(viewsOf(marts).map(({ name }) => name));
const engine = queryEngineOf({ workgroup: workgroupOf(await settingsOfStage(stage), team) });
const trials = await tryMarts(
  engine,
  marts.filter(({ domain, name }) => views.has(`${domain}_marts.${name}`)),
);
if (trials.length === 0) throw new Error('there was no mart to try');
for (const { mart, rows, problem } of trials) {
  if (problem === undefined) console.log(`${mart}: ${rows} rows`);
  else {
    console.error(`${mart}: ${problem}`);
    process.exitCode = 1;
  }
}
