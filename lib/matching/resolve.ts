import { createHash } from 'node:crypto';
import { datasetId } from '../contract/dataset.ts';
import { type Entity, entityId } from '../contract/entity.ts';
import { TerminalError } from '../errors.ts';
import { duckDb } from '../plan/dialects/duckdb.ts';
import { rowsOf, type TableFiles } from '../plan/parquet-copy.ts';
import type { MatchWorkshop } from '../ports/matcher.ts';
import type { DataFile } from '../table/data-file.ts';
import { clusters, type Pair } from './clusters.ts';
import { type Decision, reviewId } from './decisions.ts';
import { type Cluster, identities } from './identities.ts';
import { clearColumn, linkJob } from './settings.ts';
import {
  blockSize,
  comparable,
  goldenQuery,
  makeNamed,
  makePairs,
  makeRecords,
  makeVault,
  recordFacts,
  reviewQuery,
  xrefQuery,
} from './statements.ts';
import { classifiedOf, type MatchTable, matchSchema, matchTable } from './tables.ts';

export interface ResolveOrder {
  readonly runId: string;
  /** ISO time that events bear. */
  readonly at: string;
  /** Tables of the sources, in their order. */
  readonly curated: readonly TableFiles[];
  readonly vaults: readonly TableFiles[];
  /** What the runs before have published. */
  readonly xref: TableFiles;
  readonly events: TableFiles;
  readonly decisions: readonly Decision[];
}

export interface Counts {
  readonly records: number;
  readonly customers: number;
  /** Pairs that wait for a person. */
  readonly open: number;
  readonly created: number;
  readonly merged: number;
  readonly split: number;
  readonly moved: number;
  readonly ended: number;
  /** Values whose original the vault lacks: they count as empty. */
  readonly lost: number;
  /** Levels of comparisons (`column: level`) that nothing could be learnt about. */
  readonly untrained: readonly string[];
}

export interface Resolution {
  readonly files: Readonly<Record<MatchTable, readonly DataFile[]>>;
  readonly model: unknown;
  readonly counts: Counts;
}

/** Compares the records of all sources, gives each cluster its id, and writes the files of the entity's tables. */
export async function resolve(
  workshop: MatchWorkshop,
  entity: Entity,
  order: ResolveOrder,
): Promise<Resolution> {
  const { records, lost } = await gather(workshop, entity, order);
  const { untrained, model } = await compare(workshop, entity, records);
  await loadDecisions(workshop, order.decisions);
  const events = await assign(workshop, entity, order, records);
  const files = {
    golden: await write(workshop, entity, order, 'golden', goldenQuery(entity, order.runId)),
    xref: await write(workshop, entity, order, 'xref', xrefQuery(entity, order.runId)),
    review: await write(workshop, entity, order, 'review', reviewQuery(order.runId)),
    events: await write(workshop, entity, order, 'events', eventsQuery(entity, order)),
  };
  const [sums] = await workshop.rows<{ customers: string; open: string }>(
    `SELECT (SELECT count(DISTINCT id) FROM assigned) AS customers, (SELECT count(*) FROM (${reviewQuery('')}) AS q WHERE state = 'open') AS open`,
  );
  const total = (event: string) => events.filter((each) => each === event).length;
  return {
    files,
    model,
    counts: {
      records,
      customers: Number(sums?.customers ?? 0),
      open: Number(sums?.open ?? 0),
      created: total('created'),
      merged: total('merged'),
      split: total('split'),
      moved: total('moved'),
      ended: total('ended'),
      lost,
      untrained,
    },
  };
}

async function gather(workshop: MatchWorkshop, entity: Entity, { curated, vaults }: ResolveOrder) {
  const noVault: TableFiles = {
    files: [],
    schema: [
      { id: 1, name: 'token', type: 'string', required: false },
      { id: 2, name: 'value', type: 'string', required: false },
    ],
  };
  for (const [index, vault] of vaults.entries())
    await workshop.run(makeVault(index, vault.files.length === 0 ? noVault : vault));
  await workshop.run(makeRecords(entity, curated));
  await workshop.run(makeNamed(entity));
  const [facts] = await workshop.rows<Readonly<Record<'records' | 'nameless' | 'twice' | 'lost', string>>>(
    recordFacts(entity),
  );
  const [nameless, twice] = [Number(facts?.nameless), Number(facts?.twice)];
  if (nameless + twice > 0) {
    const ids = entity.sources
      .map(({ dataset, id }) => `${datasetId(dataset)} (${id.join(', ')})`)
      .join('; ');
    throw new TerminalError(
      `${nameless} records have no id and ${twice} share theirs with another record of their source, by ${ids}; name columns that tell records apart in sources[].id`,
      { fault: 'contract', facts: { entity: entityId(entity) } },
    );
  }
  return { records: Number(facts?.records), lost: Number(facts?.lost) };
}

/** More than Splink should be asked to look at on one machine: a rule that makes more is nearly always one on a frequent value. */
const MAX_PAIRS = 500_000_000n;

async function compare(workshop: MatchWorkshop, entity: Entity, records: number) {
  for (const rule of entity.blocking) {
    const [size] = await workshop.rows<{ pairs: string }>(blockSize(rule));
    const pairs = BigInt(size?.pairs ?? 0);
    if (pairs > MAX_PAIRS)
      throw new TerminalError(
        `blocking by ${rule.join(', ')} would compare ${pairs} pairs; allowed: ${MAX_PAIRS}; add a column to the list`,
        { fault: 'contract', facts: { entity: entityId(entity) } },
      );
  }
  if (records < 2) {
    await workshop.run(NO_PAIRS);
    return { untrained: [], model: null };
  }
  const { pairFiles, untrained, model } = await workshop.link(comparable(entity), (places) =>
    linkJob(entity, places),
  );
  await workshop.run(pairFiles === '' ? NO_PAIRS : makePairs(entity, pairFiles));
  return { untrained: untrained.map((level) => level.replace(clearColumn(''), '')), model };
}

const NO_PAIRS =
  'CREATE TABLE pairs (l INTEGER, r INTEGER, weight DOUBLE, probability DOUBLE, linked BOOLEAN, evidence VARCHAR)';

/** `decided`: decisions about records that are there, by their numbers. */
async function loadDecisions(workshop: MatchWorkshop, decisions: readonly Decision[]): Promise<void> {
  const columns = ['review_id', 'ls', 'li', 'rs', 'ri', 'state', 'by'].map(
    (name) => [name, 'VARCHAR'] as const,
  );
  await workshop.load(
    'decisions',
    columns,
    decisions.map((each) => [
      reviewId(each),
      each.left.source,
      each.left.id,
      each.right.source,
      each.right.id,
      each.state,
      each.by,
    ]),
  );
  await workshop.run(
    'CREATE TABLE decided AS SELECT d.review_id, least(a.n, b.n) AS l, greatest(a.n, b.n) AS r, d.state, d.by FROM decisions AS d ' +
      'JOIN named AS a ON a.source = d.ls AND a.source_id = d.li JOIN named AS b ON b.source = d.rs AND b.source_id = d.ri',
  );
}

interface NumberedRecord {
  readonly n: number;
  readonly source: string;
  readonly source_id: string;
  /** Id that it had before. */
  readonly id: string | null;
}

/** Makes `assigned` (`n`, `id`) and `fresh_events`; gives the kinds of the events. */
async function assign(
  workshop: MatchWorkshop,
  entity: Entity,
  { xref, events }: ResolveOrder,
  records: number,
): Promise<readonly string[]> {
  const id = duckDb.ident(entity.id);
  const before = `SELECT source, source_id, ${id} AS id FROM ${rowsOf(xref)}`;
  const named = await workshop.rows<NumberedRecord>(
    `SELECT d.n, d.source, d.source_id, b.id FROM named AS d LEFT JOIN (${before}) AS b ON b.source = d.source AND b.source_id = d.source_id ORDER BY d.n`,
  );
  const active = await workshop.rows<{ id: string }>(`SELECT DISTINCT id FROM (${before}) AS b`);
  const known = await workshop.rows<{ id: string }>(
    `SELECT id FROM (SELECT ${id} AS id, min((_run_id, position)) AS age FROM ${rowsOf(events)} GROUP BY ALL) AS every_id ORDER BY age`,
  );
  const links = await workshop.rows<{ l: number; r: number; weight: number }>(
    'SELECT l, r, weight FROM pairs WHERE linked ORDER BY l, r',
  );
  const decided = await workshop.rows<{ l: number; r: number; state: string }>(
    'SELECT l, r, state FROM decided',
  );
  const verdicts = (state: string) =>
    decided.filter((each) => each.state === state).map(({ l, r }) => ({ left: Number(l), right: Number(r) }));
  const firsts = clusters({
    records,
    links: links.map(
      ({ l, r, weight }): Pair => ({ left: Number(l), right: Number(r), weight: Number(weight) }),
    ),
    same: verdicts('accepted'),
    different: verdicts('rejected'),
  });
  const found = new Map<number, { first: string; records: number; before: Map<string, number> }>();
  for (const [n, record] of named.entries()) {
    const first = firsts[n] ?? n;
    const cluster = found.get(first) ?? {
      first: `${record.source}\u001f${record.source_id}`,
      records: 0,
      before: new Map<string, number>(),
    };
    found.set(first, cluster);
    cluster.records += 1;
    if (record.id !== null) cluster.before.set(record.id, (cluster.before.get(record.id) ?? 0) + 1);
  }
  const list: readonly Cluster[] = [...found.values()];
  const given = identities(list, {
    known: known.map((each) => each.id),
    active: new Set(active.map((each) => each.id)),
    idOf: (first, attempt) => idOf(entity, first, attempt),
  });
  const idByFirst = new Map([...found.keys()].map((first, index) => [first, given.ids[index] ?? '']));
  await workshop.load(
    'assigned',
    [
      ['n', 'INTEGER'],
      ['id', 'VARCHAR'],
    ],
    named.map((_, n) => [n, idByFirst.get(firsts[n] ?? n) ?? '']),
  );
  await workshop.load(
    'fresh_events',
    [
      ['event', 'VARCHAR'],
      ['id', 'VARCHAR'],
      ['other_id', 'VARCHAR'],
      ['records', 'BIGINT'],
      ['position', 'BIGINT'],
    ],
    given.events.map((each, position) => [each.event, each.id, each.other, each.records, position]),
  );
  return given.events.map(({ event }) => event);
}

/** Tells nothing about a person: it is made of the keys of one record. */
const idOf = (entity: Entity, first: string, attempt: number): string =>
  createHash('sha256')
    .update(`${entityId(entity)}\u001f${first}\u001f${attempt}`)
    .digest('hex')
    .slice(0, 20);

const eventsQuery = (entity: Entity, { runId, at }: ResolveOrder): string =>
  `SELECT event, id AS ${duckDb.ident(entity.id)}, other_id, records, TIMESTAMP ${duckDb.literal(at.replace('T', ' ').replace('Z', ''))} AS at, position, ${duckDb.literal(runId)} AS _run_id FROM fresh_events ORDER BY position`;

const write = (
  workshop: MatchWorkshop,
  entity: Entity,
  { runId }: ResolveOrder,
  table: MatchTable,
  query: string,
): Promise<readonly DataFile[]> =>
  workshop.write({
    table: matchTable(entity, table),
    runId,
    schema: matchSchema(entity, table),
    classified: classifiedOf(entity, table),
    query,
  });
