// Performs an act and kills its own process, as a power cut would, before its n-th effect. Without a number it prints every effect.
import { announcing } from '../../support/effects.ts';
import { ACTS, open } from './acts.ts';

const [home = '', act = '', at] = process.argv.slice(2);
const effects: string[] = [];
const lake = announcing(open(home), (effect) => {
  effects.push(effect);
  if (effects.length === Number(at)) process.kill(process.pid, 'SIGKILL');
});
await ACTS[act]?.(lake);
console.log(JSON.stringify(effects));
