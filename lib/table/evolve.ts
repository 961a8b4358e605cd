import { ConflictError, TerminalError } from '../errors.ts';
import type { TableName } from '../ports/catalog.ts';
import { type Evolution, evolved } from './evolution.ts';
import { emptyMetadata, printMetadata, type TableMetadata } from './metadata.ts';
import { partitionFields } from './partition-spec.ts';
import type { Field } from './schema.ts';
import {
  keyOf,
  loadTable,
  shapeOf,
  type Table,
  type TableDefinition,
  type TablePorts,
  tableFolder,
} from './table.ts';
import { changeTime, hasBecome, metadataLocation, update } from './update.ts';

/**
 * The table as its contract wants it: made where it does not exist, evolved where the contract has changed. One change of metadata; data files and
 * old snapshots stay as they are, `asOf` reads them with the columns they had.
 * @throws TerminalError that lists what can't be changed in place
 */
export async function ensureTable(
  ports: TablePorts,
  name: TableName,
  definition: TableDefinition,
): Promise<Table> {
  const existing = (await loadTable(ports, name)) ?? (await makeTable(ports, name, definition));
  const { changes } = wantedSchema(existing, definition);
  if (changes.length === 0) return existing;
  await evolve(ports, name, definition);
  const table = await loadTable(ports, name);
  if (table === undefined) throw vanished(name);
  return table;
}

/** What was done, one sentence each; nothing where the table is as wanted. @throws TerminalError for what can't be changed in place */
export const evolve = (
  ports: TablePorts,
  name: TableName,
  definition: TableDefinition,
): Promise<readonly string[]> =>
  update(ports, name, async (table) => {
    const { schema, lastColumnId, changes } = wantedSchema(table, definition);
    if (changes.length === 0) return { result: changes };
    const { metadata } = table;
    const id = 1 + Math.max(...metadata.schemas.map((each) => each['schema-id']));
    const next: TableMetadata = {
      ...metadata,
      'last-updated-ms': changeTime(ports, table),
      'last-column-id': lastColumnId,
      'current-schema-id': id,
      schemas: [...metadata.schemas, { type: 'struct', 'schema-id': id, fields: schema }],
    };
    return { metadata: next, result: changes };
  });

/** The columns that the table will have, decided without I/O. @throws TerminalError for what can't be changed in place */
export function wantedSchema(table: Table, definition: TableDefinition): Evolution {
  const { schema } = shapeOf(table.metadata);
  const { formerNames = {} } = definition;
  const evolution = evolved(schema, table.metadata['last-column-id'], {
    schema: definition.schema,
    formerNames,
  });
  const problems = [...evolution.problems, ...partitionProblems(table, evolution.schema, definition)];
  if (problems.length === 0) return evolution;
  const folder = tableFolder(table.name);
  throw new TerminalError(
    `table ${folder} can't follow its contract: ${problems.join('; ')}; give the schema object, or the column, a new name`,
    { fault: 'contract', facts: { table: folder } },
  );
}

/** Partitions are compared by column id and transform: a renamed column keeps its partition field. */
function partitionProblems(
  table: Table,
  schema: readonly Field[],
  { partitionBy }: TableDefinition,
): readonly string[] {
  const { spec } = shapeOf(table.metadata);
  const describe = (fields: typeof spec) =>
    fields
      .map((field) => {
        const source = schema.find(({ id }) => id === field['source-id'])?.name;
        return field.transform === 'identity' ? source : `${field.transform} of ${source}`;
      })
      .join(', ') || 'nothing';
  const now = describe(spec);
  const wanted = describe(partitionFields(schema, partitionBy));
  return now === wanted
    ? []
    : [`it is partitioned by ${now} and the contract wants ${wanted}, which would leave old files behind`];
}

async function makeTable(ports: TablePorts, name: TableName, definition: TableDefinition): Promise<Table> {
  const metadata = emptyMetadata({
    uuid: ports.newId(),
    location: `${ports.store.root}/${tableFolder(name)}`,
    schema: definition.schema,
    partitions: partitionFields(definition.schema, definition.partitionBy),
    properties: { 'write.format.default': 'parquet', 'write.parquet.compression-codec': 'zstd' },
    now: ports.clock.now().getTime(),
  });
  const location = metadataLocation(metadata, 0, ports.newId());
  const key = keyOf(ports.store, location);
  await ports.store.write(key, Buffer.from(printMetadata(metadata)));
  const answer = await ports.catalog.create(name, location);
  if (answer === 'exists' && !(await hasBecome(ports, name, location))) await ports.store.remove(key);
  const made = await loadTable(ports, name);
  if (made === undefined) throw vanished(name);
  return made;
}

const vanished = (name: TableName): Error =>
  new ConflictError(`table ${tableFolder(name)} vanished while it was made`, { fault: 'headgate' });
