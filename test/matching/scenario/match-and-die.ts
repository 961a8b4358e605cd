// Matches the records of a lake and kills its own process, as a power cut would, before its n-th effect. Without a number it prints every effect.
// What Splink found is recorded by the first process and given to the later ones: it is the same each time, and learning takes seconds.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readEntities } from '../../../lib/adapters/local/contracts.ts';
import { asExecution } from '../../../lib/adapters/local/executions.ts';
import { openLake, scratchOf } from '../../../lib/adapters/local/lake.ts';
import { type MatchLauncher, splinkMatcher } from '../../../lib/adapters/local/splink-matcher.ts';
import { splinkProcess } from '../../../lib/adapters/local/splink-process.ts';
import { matchEntity } from '../../../lib/matching/run.ts';
import { announcing } from '../../support/effects.ts';
import { ROOT } from '../../support/headgate.ts';

const [home = '', contracts = '', recording = '', at] = process.argv.slice(2);
const effects: string[] = [];
const lake = announcing(openLake({ home, contracts, notifier: { notify: async () => {} } }), (effect) => {
  effects.push(effect);
  if (effects.length === Number(at)) process.kill(process.pid, 'SIGKILL');
});
const scratch = scratchOf(home);
const splink = splinkProcess('duckdb', {
  environment: join(ROOT, '.venv/matching'),
  scripts: join(ROOT, 'glue-scripts'),
  log: () => {},
});
const launch: MatchLauncher = async (job) => {
  const folder = dirname(job);
  const settings = JSON.parse(readFileSync(job, 'utf8')).settings;
  const known = join(recording, 'settings.json');
  if (!existsSync(known)) {
    await splink(job);
    cpSync(join(folder, 'pairs'), join(recording, 'pairs'), { recursive: true });
    cpSync(join(folder, 'answer.json'), join(recording, 'answer.json'));
    writeFileSync(known, JSON.stringify(settings));
    return;
  }
  if (readFileSync(known, 'utf8') !== JSON.stringify(settings))
    throw new Error('recorded for other settings');
  cpSync(join(recording, 'pairs'), join(folder, 'pairs'), { recursive: true });
  cpSync(join(recording, 'answer.json'), join(folder, 'answer.json'));
};
const matcher = splinkMatcher({ engine: 'duckdb', lake: lake.stores.lake, scratch, launch });
for (const entity of readEntities(contracts))
  await asExecution((execution) => matchEntity({ services: lake, matcher, execution }, entity));
console.log(JSON.stringify(effects));
