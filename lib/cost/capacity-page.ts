import {
  ASSUMED,
  ATHENA_QUERIES,
  demandOf,
  GLUE_RUNS,
  glueCapacity,
  type Load,
  limitsOf,
  PER_FILE,
  PER_ROUND,
  ROUNDS_OF_EXECUTION,
  type StageLimits,
} from './capacity.ts';
import { glueRun } from './cost.ts';
import { PRICES_AS_OF } from './prices.ts';

/** `prod` as it ships. */
export const PROD: StageLimits = {
  intakeConcurrency: 50,
  intakeMb: 1024,
  executeConcurrency: 40,
  executeMb: 4096,
};
const SHAPE: Omit<Load, 'filesAMinute'> = { bytesAFile: 100_000, datasets: 20 };

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const whole = (value: number) => Math.round(value).toLocaleString('en');
const short = (value: number) => Number(value.toPrecision(2)).toString();

/** docs/capacity.md */
export function capacityPage(): string {
  const limits = limitsOf(SHAPE, PROD);
  const glue = glueCapacity(10, 50);
  return `# Capacity

What a stage takes on AWS, and what stops it first: \`npm run docs\` writes this page from \`lib/cost/capacity.ts\`. A stage like \`prod\`, files of ${SHAPE.bytesAFile / 1000} kB spread over ${SHAPE.datasets} datasets, eu-west-1.

**What is known and what is not.** Requests are counted (a test holds the pipeline to those of the ledger and of raw): ${PER_FILE.ledgerWrites} ledger writes a file, ${PER_ROUND.ledgerWrites} a round; they are transactions, so each is two units, for items of up to 1 KB. Seconds on AWS are **assumed**, nobody has
measured them there: intake ${ASSUMED.intakeSeconds} s a file, a round ${ASSUMED.roundSeconds} s and ${ASSUMED.executeSecondsAFile + ASSUMED.publishSecondsAFile} s for each of its files, ${ASSUMED.executeBytesASecond / 1e6} MB/s in Execute. Prices: ${PRICES_AS_OF}.

## At a load

A run takes what waits, so rounds grow with the load and cost a file less and less.

${row(['files a minute', 'MB/s', 'files a round', 'rounds a minute', 'intake at once', 'execute at once', 'USD a file', 'USD an hour', 'stops first'])}
${row(['---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---'])}
${[10, 1000, 100_000].map((filesAMinute) => atLoad({ ...SHAPE, filesAMinute })).join('\n')}

## By limit

The tightest first; defaults of AWS and of \`config/prod.yaml\`.

${row(['limit', 'figure', 'files/s', 'files a minute', 'MB/s', 'USD an hour there', 'lever', 'figure checked'])}
${row(['---', '---', '---:', '---:', '---:', '---:', '---', '---'])}
${limits
  .map(({ service, what, source, checked, lever, filesASecond }) =>
    row([
      source === undefined ? service : `[${service}](${source})`,
      what,
      whole(filesASecond),
      whole(filesASecond * 60),
      whole((filesASecond * SHAPE.bytesAFile) / 1e6),
      short(demandOf({ ...SHAPE, filesAMinute: filesASecond * 60 }, PROD).usdAnHour),
      lever,
      checked,
    ]),
  )
  .join('\n')}

## Not by files a second

- **Step Functions, history.** An execution ends with an error at [25,000 events](https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html) (read in that page): ${PER_ROUND.historyEvents} a round where nothing is retried. It never comes to that: after ${ROUNDS_OF_EXECUTION} rounds, ${whole(ROUNDS_OF_EXECUTION * PER_ROUND.historyEvents)} events, Claim hands over to a new execution
  (fewer than 20,000 whatever is retried, by a test on the definition).
- **Glue.** ${GLUE_RUNS} runs at once (our job's setting); 50 in an account by default ([quotas](https://docs.aws.amazon.com/general/latest/gr/glue.html); the figure was read in repost.aws and aws-samples, not in that page). Runs beyond wait in Glue's queue. Runs of 50 GB that took ten minutes each
  would be ${whole(glue.runsAnHour)} an hour, ${whole(glue.gigabytesAnHour)} GB, for ${whole(glue.runsAnHour * glueRun(10, 600))} USD. Lever: \`maxConcurrentRuns\`, then a request to Service Quotas.
- **Athena.** ${ATHENA_QUERIES} queries of readers at once, waiting ones counted ([quotas](https://docs.aws.amazon.com/athena/latest/ug/service-limits.html) vary by region; the figure was read in a library that names that page as of April 2026). Loading uses none, so it never slows files down. Lever: capacity reservations.
- **Lambda, speed of growth.** [1,000 more a function every ten seconds](https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html) (read in that page): faster than a queue's 300 a minute, so the queue decides how fast intake grows.
`;
}

function atLoad(load: Load): string {
  const demand = demandOf(load, PROD);
  const [first] = limitsOf(load, PROD).filter(({ filesASecond }) => filesASecond < demand.filesASecond);
  return row([
    whole(load.filesAMinute),
    short(demand.bytesASecond / 1e6),
    short(demand.filesARound),
    short(demand.roundsAMinute),
    short(demand.intakeConcurrency),
    short(demand.executeConcurrency),
    short(demand.usdAFile),
    short(demand.usdAnHour),
    first === undefined ? 'nothing' : `${first.service}, at ${whole(first.filesASecond * 60)}`,
  ]);
}
