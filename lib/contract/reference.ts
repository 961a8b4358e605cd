import { z } from 'zod';
import { CLASSIFICATIONS } from './classifications.ts';
import {
  alsoFrom,
  arrivals,
  avro,
  csv,
  dedupe,
  drift,
  fileSet,
  fixedWidth,
  ingestion,
  json,
  pii,
  propertyExtras,
  ruleExtras,
  scd2,
  trailer,
  volume,
  xlsx,
  xml,
} from './ingestion-schema.ts';
import { certain, comparison, matching, matchSource, thresholds } from './matching-schema.ts';
import { LOGICAL_TYPES } from './odcs-property.ts';
import { METRICS } from './odcs-quality.ts';

interface JsonField {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly items?: JsonField;
}

/** Markdown of the contract reference: Headgate's own properties, and what it takes of the standard. */
export function contractReference(): string {
  return `${[
    '# Contract reference',
    'Made from `lib/contract/ingestion-schema.ts` by `npm run docs`; a test fails when it is stale.',
    'A contract is an Open Data Contract Standard v3.1.0 document, `contracts/<domain>/<name>.odcs.yaml`. Each schema object with the custom property `ingestion` is a dataset: one feed, one table. Everything else that Headgate needs and the standard has no word for stands in `customProperties` too; unknown names there are ignored, but one that is nearly one of ours is an error.',
    section('Schema object: `ingestion`', ingestion.shape),
    section('`ingestion.alsoFrom`', alsoFrom.shape),
    section('`ingestion.csv`', csv.shape),
    section('`ingestion.csv.trailer`', trailer.shape),
    section('`ingestion.json`', json.shape),
    section('`ingestion.avro`', avro.shape),
    section('`ingestion.xml`', xml.shape),
    section('`ingestion.xlsx`', xlsx.shape),
    section('`ingestion.fixedWidth`', fixedWidth.shape),
    section('`ingestion.dedupe`', dedupe.shape),
    section('`ingestion.scd2`', scd2.shape),
    section('`ingestion.drift`', drift.shape),
    section('`ingestion.fileSet`', fileSet.shape),
    section('`ingestion.arrivals`', arrivals.shape),
    section('`ingestion.volume`', volume.shape),
    section('Schema object: `matching`', matching.shape),
    'Such an object has no files of its own: `headgate match run` makes its table of the records of other datasets, with `<name>_xref`, `<name>_events` and `<name>_review` beside it (docs/adr/0008-matching.md). One string property is the `primaryKey`; the others are columns of the sources, protected as there.',
    section('`matching.sources[]`', matchSource.shape),
    section('`matching.comparisons[]`', comparison.shape),
    section('`matching.certain`', certain.shape),
    section('`matching.thresholds`', thresholds.shape),
    section('Property', propertyExtras),
    section('`pii`', pii.shape),
    section('Quality rule', ruleExtras),
    '## From the standard',
    `Logical types: ${LOGICAL_TYPES.filter((type) => type !== 'time').join(', ')} (\`time\` not yet). \`physicalType: decimal(p,s)\` makes a number exact, without it it is a double; integers are 64 bits, or 32 with \`format: i32\`; objects and arrays are kept as JSON text.`,
    `Classifications, from harmless to dangerous: ${CLASSIFICATIONS.join(', ')}; from restricted on a property needs \`pii\`.`,
    `\`required\`, \`unique\`, \`primaryKey\` and \`logicalTypeOptions\` become checks that quarantine a row; a \`pattern\` must match the whole value. Library metrics: ${METRICS.join(', ')}. A metric on a property with \`mustBe: 0\` judges each row; any other operator, \`rowCount\`, \`duplicateValues\` and \`type: sql\` judge the batch; in a query \`\${table}\` is the rows to be published and \`\${column}\` the property of the rule; a query that gives NULL, as a sum over no rows does, has failed: let it say \`coalesce\`. \`type: custom, engine: headgate\` with a \`name\` and an SQL predicate as \`implementation\` judges each row; null passes.`,
  ].join('\n\n')}\n`;
}

function section(title: string, shape: z.ZodRawShape): string {
  const schema = z.toJSONSchema(z.object(shape), { io: 'input' });
  const fields = Object.entries(schema.properties ?? {}) as [string, JsonField][];
  const rows = fields.map(
    ([name, field]) =>
      `| \`${name}\` | ${kind(field)} | ${fallback(field, schema.required ?? [], name)} | ${field.description ?? ''} |`,
  );
  return [`## ${title}`, '', '| name | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

const kind = (field: JsonField): string => {
  if (field.enum !== undefined) return field.enum.join(', ');
  return field.type === 'array' ? `list of ${field.items?.type ?? 'values'}` : (field.type ?? 'value');
};

const fallback = (field: JsonField, required: readonly string[], name: string): string => {
  if (field.default !== undefined) return `\`${JSON.stringify(field.default)}\``;
  return required.includes(name) ? 'required' : '';
};
