import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { type Lake, scratchOf } from '../../lib/adapters/local/lake.ts';
import { splinkMatcher } from '../../lib/adapters/local/splink-matcher.ts';
import { splinkProcess } from '../../lib/adapters/local/splink-process.ts';
import { datasetId } from '../../lib/contract/dataset.ts';
import { type Entity, entityId } from '../../lib/contract/entity.ts';
import { TerminalError } from '../../lib/errors.ts';
import { decide, type RecordName } from '../../lib/matching/decisions.ts';
import { ordered, type PairOfReview, requireRecords, reviewPairs } from '../../lib/matching/review.ts';
import { matchEntity } from '../../lib/matching/run.ts';
import type { Matcher } from '../../lib/ports/matcher.ts';
import type { QueryEngine } from '../../lib/ports/query-engine.ts';
import { environment } from '../environment.ts';
import { entitiesOf, lakeOf, queryEngineOf } from '../lake.ts';
import { asTyped, say } from '../say.ts';
import { printTable } from '../table.ts';

export function addMatch(program: Command): void {
  const match = program
    .command('match')
    .description('records of several sources that are the same person or thing');
  addMatchRun(match);
  const review = match
    .command('review')
    .description('pairs that are too uncertain to decide without a person');
  review
    .command('list [entity]')
    .description('the pairs that wait for a decision, the likeliest first')
    .option('--all', 'decided ones too')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate match review list customers/customers')
    .action(async (id: string | undefined, options: { all?: boolean; json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const rows: (string | number | null)[][] = [];
      for (const entity of entitiesOf(command, id)) {
        for (const pair of await reviewPairs(lake, entity, queryEngineOf(lake, [])))
          if (options.all === true || pair.state === 'open') rows.push(rowOf(entity, pair));
      }
      printTable(['pair', 'entity', 'state', 'left', 'right', 'probability', 'evidence', 'by'], rows, {
        json: options.json,
        empty: 'no pair waits for a decision',
      });
    });
  for (const [name, state, what] of [
    ['accept', 'accepted', 'are the same: they stand together from the next match on'],
    ['reject', 'rejected', 'are different: they never stand together'],
  ] as const)
    review
      .command(`${name} <pairs...>`)
      .description(
        `decide that the records of each pair ${what}; a pair is named as the list names it, or by two records <dataset>:<id>`,
      )
      .addHelpText(
        'after',
        `\nExample:\n  headgate match review ${name} 1f0c52a9e4b7\n  headgate match review ${name} customers/crm:4711 customers/web:ann`,
      )
      .action(async (names: readonly string[], _options: unknown, command: Command) => {
        const lake = lakeOf(command);
        const pairs = await pairsOf(lake, entitiesOf(command, undefined), names);
        for (const { entity, left, right } of pairs)
          await decide(lake, entity, { left, right, state, by: userInfo().username });
        console.log(asTyped(`${pairs.length} decided; headgate match run applies it`));
      });
}

function addMatchRun(match: Command): void {
  match
    .command('run [entity]')
    .description('match the records of an entity’s sources as they stand now; without one, of all entities')
    .option('--engine <name>', 'what compares the records: duckdb or spark', 'duckdb')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate match run customers/customers')
    .action(async (id: string | undefined, options: { engine: string; json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const matcher = matcherOf(lake, options.engine);
      const rows: (string | number)[][] = [];
      for (const entity of entitiesOf(command, id)) {
        const { run, status, resumed } = await asExecution((execution) =>
          matchEntity({ services: lake, matcher, execution }, entity),
        );
        const { counts } = run;
        if (resumed) say(`${run.entity}: a run that was cut off has been published`);
        if (counts.lost > 0)
          say(
            `${run.entity}: the vault lacks the originals of ${counts.lost} values, which count as empty; headgate doctor looks for what is missing`,
          );
        if (counts.untrained.length > 0)
          say(
            `${run.entity}: too few pairs to learn what these are worth, Splink's first guess counts: ${counts.untrained.join(', ')}`,
          );
        rows.push([
          run.entity,
          run.runId,
          status,
          ...[counts.records, counts.customers, counts.open],
          ...[counts.created, counts.merged, counts.split, counts.moved, counts.ended],
        ]);
      }
      printTable(
        [
          ...['entity', 'run', 'status', 'records', 'ids', 'to review'],
          ...['created', 'merged', 'split', 'moved', 'ended'],
        ],
        rows,
        { json: options.json, empty: 'no contract describes an entity' },
      );
    });
}

function matcherOf(lake: Lake, engine: string): Matcher {
  if (engine !== 'duckdb' && engine !== 'spark')
    throw new TerminalError(`there is no engine ${engine}; allowed: duckdb, spark`, { fault: 'contract' });
  const { memory, sparkMemory } = environment;
  return splinkMatcher({
    engine,
    lake: lake.stores.lake,
    scratch: scratchOf(lake.home),
    ...(memory === undefined ? {} : { memory }),
    launch: splinkProcess(engine, {
      environment: environment.matching,
      scripts: join(import.meta.dirname, '../../glue-scripts'),
      log: environment.debug ? say : () => {},
      ...(sparkMemory === undefined ? {} : { memory: sparkMemory }),
    }),
  });
}

const rowOf = (entity: Entity, { id, state, left, right, probability, evidence, by }: PairOfReview) => [
  id,
  entityId(entity),
  state,
  `${left.source} ${left.id}`,
  `${right.source} ${right.id}`,
  probability,
  evidence,
  by,
];

interface NamedPair extends Pick<PairOfReview, 'left' | 'right'> {
  readonly entity: Entity;
}

/** @throws TerminalError for a pair or a record that is not there; then nothing is decided */
async function pairsOf(
  lake: Lake,
  entities: readonly Entity[],
  names: readonly string[],
): Promise<readonly NamedPair[]> {
  const engine = queryEngineOf(lake, []);
  if (names.some((name) => name.includes(':'))) return [await pairOfRecords(entities, engine, names)];
  const known: (NamedPair & { readonly id: string })[] = [];
  for (const entity of entities)
    known.push(...(await reviewPairs(lake, entity, engine)).map((pair) => ({ ...pair, entity })));
  return names.map((name) => {
    const pair = known.find(({ id }) => id === name);
    if (pair !== undefined) return pair;
    throw new TerminalError(`there is no pair ${name}; headgate match review list --all shows them`, {
      fault: 'source',
    });
  });
}

async function pairOfRecords(
  entities: readonly Entity[],
  engine: QueryEngine,
  names: readonly string[],
): Promise<NamedPair> {
  const [one, other, ...more] = names.map(recordName);
  const entity = entities.find(({ sources }) =>
    [one, other].every((record) => sources.some(({ dataset }) => datasetId(dataset) === record?.source)),
  );
  if (one === undefined || other === undefined || more.length > 0 || entity === undefined)
    throw new TerminalError(
      `${names.join(' ')} are not two records of one entity; allowed: <dataset>:<id> <dataset>:<id>, such as customers/crm:4711`,
      { fault: 'source' },
    );
  await requireRecords(engine, entity, [one, other]);
  return { entity, ...ordered(entity, one, other) };
}

function recordName(name: string): RecordName {
  const colon = name.indexOf(':');
  return { source: name.slice(0, Math.max(colon, 0)), id: name.slice(colon + 1) };
}
