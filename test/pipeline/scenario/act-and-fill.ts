// Performs an act whose files find no room from its n-th effect on: none may grow beyond 256 bytes then, whoever writes it (Node, SQLite, DuckDB).
// Started with SIGXFSZ ignored, so that the system answers EFBIG. Prints every effect.
import { execFileSync } from 'node:child_process';
import { announcing } from '../../support/effects.ts';
import { ACTS, open } from './acts.ts';

const [home = '', act = '', at] = process.argv.slice(2);
const effects: string[] = [];
const lake = announcing(open(home), (effect) => {
  effects.push(effect);
  if (effects.length === Number(at)) execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=256:']);
});
process.on('exit', () => console.log(JSON.stringify(effects)));
await ACTS[act]?.(lake);
