import { z } from 'zod';
import { matching } from './matching-schema.ts';
import { ALLOWED_NAMES, NAME } from './names.ts';

const oneSign = z.string().length(1);

/** Headgate's own properties: what the standard has no word for. They stand in `customProperties`; descriptions and defaults make the reference. */
export const trailer = z.strictObject({
  prefix: z.string().min(1).describe('First field of the trailer record.'),
  countField: z
    .number()
    .int()
    .min(1)
    .describe('Field of the trailer (from 0) that states the number of records.'),
  sum: z
    .strictObject({ column: z.string(), field: z.number().int().min(1) })
    .optional()
    .describe('A decimal or integer column whose sum over all records a field of the trailer states.'),
});

export const csv = z.strictObject({
  delimiter: oneSign.default(',').describe('Sign between fields; ASCII, like quote and escape.'),
  quote: z.string().max(1).default('"').describe('Sign around fields; empty: fields are never quoted.'),
  escape: z
    .string()
    .max(1)
    .optional()
    .describe('Sign before a quote inside a quoted field; default the quote: it is doubled.'),
  header: z
    .boolean()
    .default(true)
    .describe('The first record names the columns. Without it fields are taken by position.'),
  encoding: z
    .enum(['utf-8', 'utf-16', 'latin-1', 'windows-1252'])
    .default('utf-8')
    .describe('A byte order mark is accepted.'),
  nullTokens: z
    .array(z.string())
    .default([''])
    .describe('Texts that mean null in every column that does not list its own.'),
  skipLines: z.number().int().min(0).default(0).describe('Lines before the header that are not records.'),
  trailer: trailer.optional().describe('The last record is control totals.'),
});

const nestedPath = z.string().min(1);
const rows = nestedPath
  .optional()
  .describe(
    'Path of an array inside a record: each element is a row beside the other fields; an empty array leaves one row.',
  );

export const json = z.strictObject({
  records: nestedPath
    .optional()
    .describe('With `json`: path of the array of records in a file that is one object.'),
  rows,
});

export const avro = z.strictObject({ rows });

export const xml = z.strictObject({
  record: nestedPath.describe('Path of the element that is a record, from the root: `report/reservation`.'),
  rows: nestedPath
    .optional()
    .describe('Path of a repeated element inside a record: each is a row beside the other fields.'),
  namespaces: z
    .record(z.string().regex(/^[A-Za-z_][\w.-]*$/), z.string().min(1))
    .default({})
    .describe('Prefixes for paths, with their namespaces. Other elements go by their local names.'),
});

export const xlsx = z.strictObject({
  sheet: z
    .union([z.string().min(1), z.number().int().min(1)])
    .default(1)
    .describe('Name of the sheet, or its position from 1 among those that are not hidden.'),
  headerRow: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe('Row that names the columns; rows above are no records.'),
});

export const fixedWidth = z.strictObject({
  encoding: csv.shape.encoding,
  skipLines: z.number().int().min(0).default(0).describe('Lines before the first record.'),
});

export const dedupe = z.strictObject({
  keys: z.array(z.string()).min(1).describe('Columns that name a row. `["*"]`: all columns.'),
  keep: z
    .enum(['first', 'last'])
    .optional()
    .describe('Which row wins; default last for merge, first for append.'),
  orderBy: z
    .string()
    .optional()
    .describe('Column whose greater value is later; default business date, time received, file, row.'),
});

const historyColumn = z.string().regex(NAME, `allowed: ${ALLOWED_NAMES}`);

export const scd2 = z.strictObject({
  effectiveFrom: historyColumn
    .default('effective_from')
    .describe('When the version began: the value of `dedupe.orderBy`.'),
  effectiveTo: historyColumn
    .default('effective_to')
    .describe(
      'When the next version began; the version does not hold at that moment any more. Null: still holds.',
    ),
  current: historyColumn.default('is_current').describe('True for the newest version of a key.'),
});

export const drift = z.strictObject({
  addedColumn: z
    .enum(['reject', 'ignore', 'quarantine', 'evolve'])
    .default('reject')
    .describe(
      'A column that the contract does not know. reject: refuse the file. ignore: its values stay in raw. quarantine: refuse rows that hold a value there. evolve: add it to the table as text, beside personal columns as a token.',
    ),
  missingColumn: z
    .enum(['reject', 'null', 'quarantine'])
    .default('reject')
    .describe(
      'A column that is not there. reject: refuse the file. null: null, where it is not required. quarantine: the same, and where it is required the rows are refused, not the file. A personal one is never missing.',
    ),
  reordered: z.enum(['reject', 'accept']).default('accept').describe('Known columns in another order.'),
  retyped: z
    .enum(['reject', 'quarantine', 'evolve'])
    .default('quarantine')
    .describe(
      'A value that is none of the column’s type. quarantine: refuse the row. reject: refuse the file. evolve: where it is a number that a wider type of the same kind holds (32 to 64 bits; decimals to 18, then 38 digits), the column of the table is widened for good; every other row is refused.',
    ),
});

const landing = z
  .string()
  .min(1)
  .describe(
    'Key pattern of the files: `*` within one part, `**` over parts, `{businessDate:yyyy-MM-dd}` for the business date.',
  );

export const alsoFrom = z.strictObject({
  landing,
  format: z
    .enum(['csv', 'json', 'jsonl', 'parquet', 'avro', 'xml', 'xlsx'])
    .describe('As above; files of fixed width need a contract of their own.'),
  csv: csv
    .omit({ nullTokens: true, trailer: true })
    .optional()
    .describe('As above, without `nullTokens` and `trailer`.'),
  json: json.optional().describe('As above.'),
  avro: avro.optional().describe('As above.'),
  xml: xml.optional().describe('As above.'),
  xlsx: xlsx.optional().describe('As above.'),
  names: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe(
      'By column, its name in these files, or its `path` where they are nested. `sourceNames` count too.',
    ),
});

export const fileSet = z.strictObject({
  manifest: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Key pattern of a file that names the members: JSON (`files` or `entries`: names, or objects with name, bytes, sha256, records), lines of `sha256sum`, or one name a line.',
    ),
  marker: z
    .string()
    .min(1)
    .optional()
    .describe('Key pattern of a file, often empty, that says: what landed no later than this is the set.'),
  count: z.number().int().min(1).optional().describe('Number of members.'),
  deadlineHours: z
    .number()
    .positive()
    .default(24)
    .describe('Hours from the first of its files after which an incomplete set is told of, once.'),
});

const isoDate = z.iso.date();
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export const arrivals = z.strictObject({
  timezone: z
    .string()
    .default('UTC')
    .describe('IANA name: in it days end and `timeOfAvailability` is meant.'),
  days: z
    .union([z.enum(['daily', 'weekdays', 'monthEnd']), z.array(z.enum(WEEKDAYS)).min(1)])
    .default('daily')
    .describe(
      'Business dates that have files: `daily`, `weekdays`, `monthEnd`, or a list such as `[mon, thu]`.',
    ),
  holidays: z
    .array(isoDate)
    .default([])
    .describe(
      'Business dates without files. A month that ends on one, or on a weekend, ends on the working day before.',
    ),
  lagDays: z
    .number()
    .int()
    .min(0)
    .default(1)
    .describe('Days from a business date to the day of its `timeOfAvailability`.'),
});

export const volume = z.strictObject({
  onAnomaly: z
    .enum(['warn', 'hold'])
    .default('warn')
    .describe('What to do with far too few or too many rows.'),
  tolerance: z
    .number()
    .positive()
    .default(3)
    .describe('Deviations from the median that are usual; one is at least 5 percent of it.'),
  fewest: z
    .number()
    .int()
    .min(3)
    .max(28)
    .default(4)
    .describe('Fewer comparable arrivals than these say nothing yet.'),
});

export const ingestion = z.strictObject({
  landing,
  format: z
    .enum(['csv', 'json', 'jsonl', 'parquet', 'avro', 'xml', 'xlsx', 'fixedWidth'])
    .describe(
      '`json` is one array of objects, `jsonl` one object a line, `avro` a container file. gzip, zstd, bzip2 and zip (every member a part of the file) are recognised by themselves.',
    ),
  alsoFrom: z
    .array(alsoFrom)
    .default([])
    .describe('Other systems that send rows of the same columns, each under its own landing pattern.'),
  csv: csv.optional().describe('Dialect of CSV files.'),
  json: json.optional().describe('Where rows stand in JSON.'),
  avro: avro.optional().describe('Where rows stand in Avro records.'),
  xml: xml.optional().describe('Where records stand in XML; needed with `xml`.'),
  xlsx: xlsx.optional().describe('Where records stand in a workbook.'),
  fixedWidth: fixedWidth.optional().describe('Lines of fixed width; every property needs `position`.'),
  duplicateFile: z
    .enum(['skip', 'reload'])
    .default('skip')
    .describe(
      'What to do with the same bytes under another name. Those of another business date are loaded all the same where its files replace earlier ones by their date (replace, replacePartitions, merge without `dedupe.orderBy`), or hold no records.',
    ),
  writeMode: z
    .enum(['append', 'merge', 'scd2', 'replacePartitions', 'replace'])
    .default('append')
    .describe(
      'append: add rows. merge: rows with a known key replace it. scd2: each change of a key is a row with the time that it held (type 2). replacePartitions, replace: the newest file of a partition, or of the table, wins; with `fileSet` the newest set, whole.',
    ),
  replaceByEmpty: z
    .enum(['hold', 'accept'])
    .default('hold')
    .describe(
      'With `writeMode: replace`: a newest file without good rows, which would leave the table without any. hold: nothing is published until somebody decides. accept: the table is emptied.',
    ),
  dedupe: dedupe.optional().describe('Rows that are the same; default for merge and scd2: the primary key.'),
  scd2: scd2
    .optional()
    .describe('With `writeMode: scd2`: names of the columns that say when a version held.'),
  drift: drift.optional().describe('What to do when columns differ.'),
  fileSet: fileSet
    .optional()
    .describe(
      'Files of one business date (without one in the pattern: of one folder) are taken in together or not at all. Exactly one of manifest, marker, count.',
    ),
  arrivals: arrivals
    .optional()
    .describe(
      'Calendar of the files that are due, beside `slaProperties`: frequency, timeOfAvailability, latency.',
    ),
  volume: volume
    .optional()
    .describe('Rows of a business date against the last 28 comparable ones, by median and deviation.'),
  maxRejectPercent: z
    .number()
    .min(0)
    .max(100)
    .default(5)
    .describe('Share of refused rows, per file and batch, above which the batch is held.'),
  qualityScoreAbove: z
    .number()
    .min(0)
    .lt(100)
    .optional()
    .describe(
      'Quality score that every batch, and each file of it, must exceed, or the batch is held. The score is the share of received records, in percent, that fail no check: neither one that refuses a row nor one that warns.',
    ),
  engine: z.enum(['auto', 'duckdb', 'spark']).default('auto').describe('What executes the plan.'),
  raw: z
    .boolean()
    .default(false)
    .describe(
      'Keep a queryable all-text table of every record in `<domain>_raw`; personal fields are protected as in quarantine.',
    ),
  earlier: z
    .boolean()
    .default(false)
    .describe(
      'Keep rows that another row of the same key has replaced, or kept out, in `<domain>.<name>_earlier`, with the columns of the table, and so those that left because their file was loaded again or another took its place (`_withdrawn_by`: that file, `_withdrawn_run`). Together both tables hold every version of a row and the file that brought it. Needs `writeMode: merge`.',
    ),
});

export const pii = z.strictObject({
  kind: z.string().min(1).describe('Such as name, phone, email, card.'),
  action: z
    .enum(['tokenize', 'mask', 'redact', 'drop', 'vault'])
    .describe(
      'tokenize: keyed token. vault: token, and the original in the vault. mask: last four signs. redact: a constant. drop: no column.',
    ),
});

export const propertyExtras = {
  sourceNames: z.array(z.string()).default([]).describe('Names under which sources send the column.'),
  formerNames: z
    .array(z.string())
    .default([])
    .describe('Names that the column had in the table before: it is renamed, not added.'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where the value stands in a nested record (json, jsonl, avro, xml): names separated by `/`, `~1` for a `/` in a name; in XML `@name` is an attribute.',
    ),
  position: z
    .strictObject({ start: z.number().int().min(1), length: z.number().int().min(1) })
    .optional()
    .describe(
      'With `fixedWidth`: first character of the field, from 1, and their number. Blanks around are padding.',
    ),
  nullTokens: z.array(z.string()).optional().describe('Texts that mean null in this column.'),
  trim: z.boolean().default(false).describe('Remove blanks around the value first.'),
  standardize: z
    .array(z.string())
    .default([])
    .describe(
      "Macros in order: `lowercase`, `uppercase`, `collapseBlanks`, `stripZeroFraction`, `email`, `name`, `postcode`, `date('dd-MM-yyyy', 'yyyyMMdd')` (to ISO), `phone('+31')` (to E.164). A text that a macro does not understand stays as it is.",
    ),
  pii: pii.optional().describe('Required where classification is restricted or higher.'),
  partitionTransform: z
    .enum(['identity', 'year', 'month', 'day'])
    .default('identity')
    .describe('With `partitioned: true`.'),
  dateFormats: z
    .array(z.string())
    .optional()
    .describe('JDK patterns, where a source uses several. `yy` is a year from 2000 to 2099.'),
  numberFormat: z
    .strictObject({
      decimalChar: z.enum(['.', ',']).default('.'),
      groupChar: z.enum(['.', ',', ' ', "'"]).optional(),
    })
    .refine(({ decimalChar, groupChar }) => decimalChar !== groupChar, {
      error: 'decimalChar and groupChar must differ',
    })
    .optional()
    .describe(
      'How the source writes the number, in the words of CSV on the Web: `{ decimalChar: ",", groupChar: "." }` for 1.234,50. Groups have three digits and may be left out; `" "` is any kind of blank. Every other text is refused: 12.50 is no number there.',
    ),
} as const;

export const ruleExtras = {
  onFailure: z
    .enum(['warn', 'quarantine', 'rejectFile', 'hold'])
    .optional()
    .describe(
      'Default by severity: error or none quarantines rows and holds batches; warning and info warn.',
    ),
} as const;

export const objectExtras = { ingestion: ingestion.optional(), matching: matching.optional() } as const;
export type Ingestion = z.infer<typeof ingestion>;
