import type { Dataset } from '../contract/dataset.ts';
import type { OutputName } from '../plan/plan.ts';
import { tableOf } from '../plan/tables.ts';
import type { TableName } from '../ports/catalog.ts';
import type { CatalogColumn, ColumnTags } from '../ports/column-tags.ts';
import { classChanges, classesOf } from '../privacy/classes.ts';
import type { Field, FieldType } from '../table/schema.ts';
import { loadTable, shapeOf } from '../table/table.ts';
import { tablePorts } from './context.ts';
import { outputsOf } from './plan-run.ts';
import type { Services } from './services.ts';

/** Gives a dataset's tables the classes of its contract. The vault is closed as a whole, by its database. */
export async function classifyTables(services: Services, tags: ColumnTags, dataset: Dataset): Promise<void> {
  for (const output of outputsOf(dataset)) {
    const wanted = classesOf(output === 'vault' ? [] : dataset.columns);
    await classifyTable(services, tags, { output, name: tableOf(dataset, output), wanted });
  }
}

interface Classified {
  readonly output: OutputName;
  readonly name: TableName;
  /** Class by column. */
  readonly wanted: ReadonlyMap<string, string>;
}

/**
 * Shows the columns of a table in the catalogue and gives them their classes; a class that is no longer wanted is taken away. What is closed is closed
 * before anything is opened. Doing it again changes nothing.
 */
export async function classifyTable(
  services: Services,
  tags: ColumnTags,
  { output, name, wanted }: Classified,
): Promise<void> {
  const table = await loadTable(tablePorts(services, output), name);
  if (table === undefined) return;
  const { schema } = shapeOf(table.metadata);
  await tags.describe(name, schema.map(catalogColumn));
  const columns = schema.map((field) => field.name);
  const changes = classChanges(wanted, { columns, classes: await tags.classes(name) });
  for (const [value, names] of changes.assign) await tags.assign(name, names, value);
  for (const [value, names] of changes.remove) await tags.remove(name, names, value);
}

const catalogColumn = ({ name, type, doc }: Field): CatalogColumn => ({
  name,
  type: hiveType(type),
  ...(doc === undefined ? {} : { doc }),
});

/** As Iceberg's own GlueCatalog writes types for Glue (IcebergToGlueConverter). */
export function hiveType(type: FieldType): string {
  if (typeof type === 'string') {
    if (type.startsWith('decimal')) return type.replaceAll(' ', '');
    switch (type) {
      case 'long':
        return 'bigint';
      case 'timestamptz':
        return 'timestamp';
      case 'time':
        return 'string';
      default:
        return type;
    }
  }
  return type.type === 'list'
    ? `array<${hiveType(type.element)}>`
    : `struct<${type.fields.map((field) => `${field.name}:${hiveType(field.type)}`).join(',')}>`;
}
