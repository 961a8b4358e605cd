import { TerminalError } from '../errors.ts';
import { columnOf } from './columns.ts';
import { readExtras } from './custom-properties.ts';
import { type About, type Column, type Dataset, type Dedupe, LEDGER_DATABASE } from './dataset.ts';
import { type EntityDraft, entityOf } from './entity.ts';
import { formatOf, formatProblems, type PlacedColumn, placedIn, sourceProblems } from './formats.ts';
import {
  drift as driftSchema,
  type Ingestion,
  objectExtras,
  scd2 as scd2Schema,
} from './ingestion-schema.ts';
import { compileLandingPattern } from './landing-pattern.ts';
import { tableNameProblems } from './names.ts';
import type { ContractDocument, SchemaObject } from './odcs-schema.ts';
import type { Path, Problem } from './problems.ts';
import { checksOf } from './rules.ts';
import { timingOf } from './timing.ts';

export interface Datasets {
  readonly datasets: readonly Dataset[];
  readonly entities: readonly EntityDraft[];
  readonly problems: readonly Problem[];
}

/** Datasets of a document that is valid by the standard; problems are those of Headgate's own meaning. */
export function datasetsOf(document: ContractDocument, file: string, fingerprint: string): Datasets {
  const problems: Problem[] = [];
  const entities: EntityDraft[] = [];
  problems.push(...readExtras({}, document.customProperties, []).problems);
  const datasets = (document.schema ?? []).flatMap((object, index) => {
    const path: Path = ['schema', index];
    const extras = readExtras(objectExtras, object.customProperties, path);
    problems.push(...extras.problems);
    const { ingestion, matching } = extras.value;
    if (ingestion !== undefined && matching !== undefined)
      problems.push({
        path,
        message: 'ingestion and matching: a table is filled by files or from other tables',
      });
    if (matching !== undefined) {
      const contract = { id: document.id, version: document.version, file, fingerprint };
      const [domain, about] = [document.domain ?? '', aboutOf(document)];
      const found = entityOf({ contract, domain, about, object, matching, path });
      problems.push(...found.problems);
      entities.push(found.entity);
    }
    if (ingestion !== undefined && object.logicalType === 'blob')
      problems.push({
        path: [...path, 'logicalType'],
        message: 'a blob has no rows; allowed with ingestion: object',
      });
    if (ingestion === undefined) return [];
    const found = datasetOf({ document, file, fingerprint, object, ingestion, path });
    problems.push(...found.problems);
    return [found.dataset];
  });
  return { datasets, entities, problems };
}

interface Source {
  readonly document: ContractDocument;
  readonly file: string;
  readonly fingerprint: string;
  readonly object: SchemaObject;
  readonly ingestion: Ingestion;
  readonly path: Path;
}

function datasetOf({ document, file, fingerprint, object, ingestion, path }: Source): {
  readonly dataset: Dataset;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const complain = (message: string, ...at: Path) => problems.push({ path: [...path, ...at], message });
  const name = object.physicalName ?? object.name;
  const domain = document.domain ?? '';
  problems.push(...tableNameProblems(domain, name, path));
  if (domain === LEDGER_DATABASE)
    problems.push({
      path: ['domain'],
      message: `${JSON.stringify(domain)} is the database of Headgate's own tables; allowed: any other name`,
    });

  const properties = object.properties ?? [];
  if (properties.length === 0) complain('a dataset needs properties');
  const nullTokens = ingestion.csv?.nullTokens ?? [''];
  const placed = properties.map((property, index): PlacedColumn => {
    const { value, place, problems: found } = columnOf(property, [...path, 'properties', index], nullTokens);
    problems.push(...found);
    return { column: value, place };
  });
  const columns = placed.map(({ column }) => column);
  problems.push(...columnListProblems(columns, [...path, 'properties']));
  const checks = checksOf(object, columns, path);
  problems.push(...checks.problems);
  const dedupe = dedupeOf(ingestion, columns);
  problems.push(...problemsOfIngestion(ingestion, dedupe, columns, path));
  problems.push(...formatProblems(ingestion, placed, path));
  const timing = timingOf(ingestion, document, path);
  problems.push(...timing.problems);
  problems.push(...sourceProblems(ingestion, placed, path));

  const dataset: Dataset = {
    contract: { id: document.id, version: document.version, file, fingerprint },
    domain,
    name,
    ...(object.description === undefined ? {} : { description: object.description }),
    about: aboutOf(document),
    landing: ingestion.landing,
    format: formatOf(ingestion, placed),
    alsoFrom: ingestion.alsoFrom.map((source) => ({
      landing: source.landing,
      format: formatOf(source, placedIn(source, placed)),
      names: source.names,
    })),
    columns,
    writeMode: ingestion.writeMode,
    ...(dedupe === undefined ? {} : { dedupe }),
    ...(ingestion.writeMode === 'scd2' ? { history: ingestion.scd2 ?? scd2Schema.parse({}) } : {}),
    duplicateFile: ingestion.duplicateFile,
    replaceByEmpty: ingestion.replaceByEmpty,
    drift: ingestion.drift ?? driftSchema.parse({}),
    maxRejectPercent: ingestion.maxRejectPercent,
    ...(ingestion.qualityScoreAbove === undefined ? {} : { qualityScoreAbove: ingestion.qualityScoreAbove }),
    engine: ingestion.engine,
    raw: ingestion.raw,
    earlier: ingestion.earlier,
    rowChecks: checks.rowChecks,
    batchChecks: checks.batchChecks,
    service: (document.slaProperties ?? [])
      .filter((level) => isAbout(level, object, document))
      .flatMap(({ property, value, unit, element }) =>
        value === null
          ? []
          : [
              {
                property,
                value,
                ...(unit === undefined ? {} : { unit }),
                ...(element === undefined ? {} : { element }),
              },
            ],
      ),
    ...timing.value,
  };
  return { dataset, problems };
}

/** Elements are `table` or `table.column`, separated by commas. What names none of the document's tables is about all of them. */
function isAbout(
  { element }: { readonly element?: string | undefined },
  object: SchemaObject,
  { schema = [], slaDefaultElement }: ContractDocument,
): boolean {
  const tables = (element ?? slaDefaultElement ?? '')
    .split(',')
    .map((each) => each.trim().split('.')[0] ?? '');
  const named = schema.filter(
    ({ name, physicalName }) => tables.includes(name) || tables.includes(physicalName ?? name),
  );
  return named.length === 0 || named.includes(object);
}

function ownerOf({ team }: ContractDocument): string | undefined {
  if (team === undefined) return undefined;
  const members = Array.isArray(team) ? team : (team.members ?? []);
  return (
    members.find(({ role }) => role?.toLowerCase() === 'owner')?.username ??
    (Array.isArray(team) ? undefined : team.name)
  );
}

function aboutOf(document: ContractDocument): About {
  const { description = {}, team, support = [] } = document;
  const { purpose, usage, limitations } = description;
  const name = Array.isArray(team) ? undefined : team?.name;
  const owner = ownerOf(document);
  return {
    ...(purpose === undefined ? {} : { purpose }),
    ...(usage === undefined ? {} : { usage }),
    ...(limitations === undefined ? {} : { limitations }),
    ...(owner === undefined ? {} : { owner }),
    ...(name === undefined ? {} : { team: name }),
    support: support.map(({ channel, tool }) => (tool === undefined ? channel : `${tool} ${channel}`)),
  };
}

const keyColumns = (columns: readonly Column[]): readonly string[] =>
  columns
    .filter((column) => column.primaryKey !== undefined)
    .sort((a, b) => (a.primaryKey ?? 0) - (b.primaryKey ?? 0))
    .map(({ name }) => name);

function dedupeOf({ dedupe, writeMode }: Ingestion, columns: readonly Column[]): Dedupe | undefined {
  const keep = dedupe?.keep ?? (writeMode === 'append' ? 'first' : 'last');
  if (dedupe === undefined) {
    const keys = keyColumns(columns);
    return (writeMode === 'merge' || writeMode === 'scd2') && keys.length > 0 ? { keys, keep } : undefined;
  }
  const keys = dedupe.keys.join() === '*' ? columns.map(({ name }) => name) : dedupe.keys;
  return { keys, keep, ...(dedupe.orderBy === undefined ? {} : { orderBy: dedupe.orderBy }) };
}

function problemsOfIngestion(
  ingestion: Ingestion,
  dedupe: Dedupe | undefined,
  columns: readonly Column[],
  path: Path,
): readonly Problem[] {
  const problems: Problem[] = [];
  const at = [...path, 'customProperties'];
  const complain = (message: string) => problems.push({ path: at, message: `ingestion: ${message}` });
  const names = columns.map(({ name }) => name);
  const named = [...(dedupe?.keys ?? []), dedupe?.orderBy, ingestion.csv?.trailer?.sum?.column];
  for (const name of named) {
    if (name !== undefined && !names.includes(name))
      complain(`column ${name} does not exist; allowed: ${names.join(', ')}`);
  }
  for (const column of columns) {
    const isKey =
      dedupe?.keys.includes(column.name) === true ||
      dedupe?.orderBy === column.name ||
      column.primaryKey !== undefined;
    if (column.pii !== undefined && (isKey || column.partition !== undefined || column.unique)) {
      complain(
        `${column.name} is personal (${column.pii.action}) and can't be a key, unique, an order or a partition`,
      );
    }
  }
  const keyNames = ingestion.dedupe?.keys.join() === '*' ? [] : (dedupe?.keys ?? []);
  for (const column of columns) {
    if (keyNames.includes(column.name) && !column.required)
      complain(`${column.name} is a key and must be required: a row without it is the same as no other`);
    if (dedupe !== undefined && column.unique && dedupe.keys.join() !== column.name) {
      complain(
        `${column.name} is unique beside the key ${dedupe.keys.join(', ')}: which row is refused would depend on how files fall into batches; use a rule duplicateValues with onFailure hold`,
      );
    }
  }
  const primaryKey = keyColumns(columns);
  if (primaryKey.length > 0 && dedupe?.keys.some((name) => !primaryKey.includes(name)) === true)
    complain(
      `the primary key ${primaryKey.join(', ')} is not unique where rows are the same by ${dedupe.keys.join(', ')}; give dedupe the columns of the primary key`,
    );
  if ((ingestion.writeMode === 'merge' || ingestion.writeMode === 'scd2') && dedupe === undefined)
    complain(`writeMode ${ingestion.writeMode} needs dedupe.keys or a primaryKey`);
  if (ingestion.earlier && ingestion.writeMode !== 'merge')
    complain('earlier needs writeMode merge: in no other are rows replaced by their keys');
  for (const problem of historyProblems(ingestion, dedupe, columns)) complain(problem);
  if (ingestion.writeMode === 'append' && dedupe?.keep === 'last') {
    complain(
      'dedupe.keep last replaces rows of the table; allowed with writeMode append: first; use writeMode merge',
    );
  }
  if (
    ingestion.writeMode === 'replacePartitions' &&
    columns.every(({ partition }) => partition === undefined)
  )
    complain('writeMode replacePartitions needs a partitioned column; without one use replace');
  const { delimiter, quote, escape } = ingestion.csv ?? {};
  for (const sign of [delimiter, quote, escape]) {
    if (sign === '\n' || sign === '\r')
      complain('csv: a line break ends records and is no delimiter, quote or escape');
    if (sign !== undefined && (sign.charCodeAt(0) > 0x7f || sign === '\0'))
      complain(
        `csv: ${JSON.stringify(sign)} is not ASCII; allowed for delimiter, quote and escape: one ASCII sign`,
      );
  }
  if (delimiter !== undefined && (delimiter === quote || delimiter === escape))
    complain('csv: the delimiter is also quote or escape');
  for (const { landing } of [ingestion, ...ingestion.alsoFrom]) {
    try {
      compileLandingPattern(landing);
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      complain(error.message);
    }
  }
  return problems;
}

/** Type-2 rows need a moment for each row, and names for their columns that nobody else has. */
function historyProblems(
  { writeMode, scd2, dedupe: written }: Ingestion,
  dedupe: Dedupe | undefined,
  columns: readonly Column[],
): readonly string[] {
  if (writeMode !== 'scd2') {
    return scd2 === undefined ? [] : [`scd2 goes with writeMode: scd2, not ${writeMode}`];
  }
  const problems: string[] = [];
  const order = columns.find(({ name }) => name === dedupe?.orderBy);
  if (
    order === undefined ||
    !order.required ||
    (order.type.kind !== 'date' && order.type.kind !== 'timestamp')
  )
    problems.push(
      'writeMode scd2 needs dedupe.orderBy: a required date or timestamp, from which a version holds',
    );
  if (dedupe?.orderBy !== undefined && dedupe.keys.includes(dedupe.orderBy))
    problems.push(
      `${dedupe.orderBy} is the time of a version and ${written?.keys.join() === '*' ? 'all columns are' : 'also'} the key; name the columns that stay the same from version to version`,
    );
  const names = Object.values(scd2 ?? scd2Schema.parse({}));
  for (const [index, name] of names.entries()) {
    if (columns.some((column) => column.name === name))
      problems.push(`scd2: ${name} is a column of the contract; give the history's column another name`);
    if (names.indexOf(name) !== index) problems.push(`scd2: two columns are named ${name}`);
  }
  return problems;
}

/** What two columns may not share: a name, a name that the source uses, an explicit position. */
function columnListProblems(columns: readonly Column[], path: Path): readonly Problem[] {
  const problems: Problem[] = [];
  const taken = new Map<string, string>();
  const claim = (index: number, what: string, column: string, message: (other: string) => string) => {
    const other = taken.get(what);
    if (other !== undefined) problems.push({ path: [...path, index], message: message(other) });
    taken.set(what, column);
  };
  for (const [index, { name }] of columns.entries())
    claim(index, `name ${name}`, name, () => `two columns are named ${name}`);
  for (const [index, { name, formerNames }] of columns.entries()) {
    for (const former of formerNames) {
      if (columns.some((column) => column.name === former))
        problems.push({
          path: [...path, index],
          message: `${former} is a column of this contract, so it can't be a former name of ${name}`,
        });
      claim(index, `former ${former}`, name, (other) =>
        other === name
          ? `${former} is a former name of ${name} twice`
          : `${former} is a former name of ${other} and of ${name}`,
      );
    }
  }
  for (const [index, { name, sourceNames, partition }] of columns.entries()) {
    for (const source of new Set(sourceNames))
      if (source !== name)
        claim(index, `name ${source}`, name, (other) => `${source} is a name of ${other} and of ${name}`);
    if (partition !== undefined && partition.position > 0)
      claim(
        index,
        `partition ${partition.position}`,
        name,
        (other) => `${other} and ${name} have the same partitionKeyPosition`,
      );
  }
  return problems;
}
