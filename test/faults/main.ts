// Plays fault schedules against a real lake on this machine. A schedule that fails prints the command that repeats it, shrunk.
//   node test/faults/main.ts [--single] [--orders] [--full] [--random 1000] [--from SEED] [--schedule TEXT] [--crowds] [--telling] [--stop] [--write]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { crowdsIn } from './crowds.ts';
import { judged, type Seen, seenOf } from './judge.ts';
import {
  CALM,
  fullDiskSchedules,
  orderSchedules,
  parseSchedule,
  printSchedule,
  randomSchedule,
  type Schedule,
  shrunk,
  singleSchedules,
  tellingSchedules,
} from './schedules.ts';
import { openHouse } from './theatre.ts';

const { values } = parseArgs({
  options: {
    single: { type: 'boolean', default: false },
    orders: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    random: { type: 'string', default: '0' },
    from: { type: 'string', default: '1' },
    schedule: { type: 'string' },
    stop: { type: 'boolean', default: false },
    crowds: { type: 'boolean', default: false },
    telling: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

// Memory as a disk: a hundred times more flushes a second, and the same order of effects.
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const home = mkdtempSync(join(base, 'headgate-faults-'));
process.on('exit', () => {
  for (const folder of [home, `${home}.kept`]) rmSync(folder, { recursive: true, force: true });
});
const house = await openHouse(home);
const calm = await house.play(CALM);
const golden = join(import.meta.dirname, 'wanted.json');
if (values.write) writeFileSync(golden, `${JSON.stringify(await seenOf(house.lake), null, 2)}\n`);
const wanted = JSON.parse(readFileSync(golden, 'utf8')) as Seen;
const effects = calm.trace.length;
const problems = await judged(calm, wanted);
if (problems.length > 0) {
  console.log(`without any fault: ${problems.join('\n  ')}`);
  process.exit(1);
}

/** Effects of the longest schedule with its recovery. */
let longest = 0;
const wrongWith = async (schedule: Schedule): Promise<readonly string[]> => {
  const result = await house.play(schedule);
  longest = Math.max(longest, result.trace.length);
  return judged(result, wanted).catch((error: unknown) => [`it can't be read: ${String(error)}`]);
};

const failures = new Map<string, { readonly schedule: Schedule; times: number }>();
let played = 0;

async function tryOut(schedule: Schedule, name: string): Promise<void> {
  played += 1;
  const wrong = await wrongWith(schedule);
  if (wrong.length === 0) return;
  const smallest =
    schedule.faults.length > 1
      ? await shrunk(schedule, async (each) => (await wrongWith(each)).length > 0)
      : schedule;
  const effect = smallest.faults
    .map(({ at, kind }) => `${kind} at ${calm.trace[at - 1]?.name ?? at}`)
    .join(', ');
  const why = wrong.join('\n    ');
  const known = failures.get(why);
  if (known !== undefined) {
    known.times += 1;
    return;
  }
  failures.set(why, { schedule: smallest, times: 1 });
  console.log(
    `${name} fails: ${effect}\n    ${why}\n  repeat: npm run test:faults -- --schedule ${printSchedule(smallest)}`,
  );
  if (values.stop) process.exit(1);
}

const begun = performance.now();
const used = process.cpuUsage();
if (values.crowds) {
  const wrong = await crowdsIn(home);
  if (wrong.length > 0) {
    console.log(wrong.join('\n'));
    process.exit(1);
  }
}
if (values.schedule !== undefined) {
  const schedule = parseSchedule(values.schedule);
  const show = await house.play(schedule);
  for (const [index, { name }] of show.trace.entries()) {
    const fault = schedule.faults.find(({ at }) => at === index + 1);
    console.log(`${index + 1} ${name}${fault === undefined ? '' : `  <= ${fault.kind}`}`);
  }
  await tryOut(schedule, values.schedule);
}
if (values.telling)
  for (const schedule of tellingSchedules(calm.trace, (await house.play({ ...CALM, starts: 'turns' })).trace))
    await tryOut(schedule, 'a telling fault');
if (values.orders) for (const schedule of orderSchedules()) await tryOut(schedule, 'an order of events');
if (values.full)
  for (const schedule of fullDiskSchedules(calm.diskCalls)) await tryOut(schedule, 'a full disk');
if (values.single)
  for (const schedule of singleSchedules(calm.trace)) await tryOut(schedule, 'a single fault');
const first = Number(values.from);
for (let seed = first; seed < first + Number(values.random); seed++)
  await tryOut(randomSchedule(seed, { effects, diskCalls: calm.diskCalls }), `seed ${seed}`);

const seconds = (performance.now() - begun) / 1000;
const { user, system } = process.cpuUsage(used);
const failed = [...failures.values()].reduce((sum, { times }) => sum + times, 0);
console.log(
  `${played} schedules over ${effects} effects in ${seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} s of processor time (${Math.round((user + system) / 1000 / Math.max(played, 1))} ms each), at most ${longest} effects: ${failed} failed`,
);
process.exit(failed === 0 ? 0 : 1);
