import { Document, isMap, isNode, isSeq } from 'yaml';
import type { FileFormat } from '../dataset.ts';
import { csv as csvSchema } from '../ingestion-schema.ts';
import type { Feed, ProposedColumn } from './feed.ts';
import { type Note, unsure } from './notes.ts';

const WIDTH = 118;

/** The feed as an ODCS v3.1 document, with notes as comments above what they speak of. */
export function documentOf(feed: Feed): string {
  const { domain, name } = feed.place;
  const document = new Document({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: `${domain}-${name}`.replaceAll('_', '-'),
    version: '0.1.0',
    status: 'draft',
    domain,
    schema: [
      {
        name,
        customProperties: [{ property: 'ingestion', value: ingestionOf(feed) }],
        properties: feed.columns.map(propertyOf),
        ...(feed.rowsExpected ? { quality: [{ metric: 'rowCount', mustBeGreaterThan: 0 }] } : {}),
      },
    ],
  });
  document.commentBefore = commentOf(feed.head);
  comment(
    document,
    ['schema', 0],
    [
      unsure(
        'domain, name and landing are made from the paths of the samples; the pattern must match the keys that the source will use',
      ),
      ...feed.notes,
    ],
  );
  for (const [index, column] of feed.columns.entries()) {
    const at = ['schema', 0, 'properties', index];
    comment(document, at, [...column.notes, ...aboutKey(column, feed)]);
    for (const inner of [['logicalTypeOptions'], ['customProperties'], ['quality']])
      inFlow(document, [...at, ...inner]);
  }
  inFlow(document, ['schema', 0, 'quality']);
  for (const part of ['csv', 'drift']) inFlow(document, ['schema', 0, 'customProperties', 0, 'value', part]);
  return document.toString({ lineWidth: WIDTH, flowCollectionPadding: true });
}

function aboutKey({ keyPosition }: ProposedColumn, { columns }: Feed): readonly Note[] {
  if (keyPosition === undefined) return [];
  const parts = columns.filter((column) => column.keyPosition !== undefined).length;
  const what =
    parts === 1 ? 'no value comes twice' : `no combination of the ${parts} key columns comes twice`;
  return [unsure(`primary key: ${what}; where the source sends a row again to correct it, writeMode: merge`)];
}

function ingestionOf({ place, format, drifts, maxRejectPercent }: Feed): object {
  const csv = format.kind === 'csv' ? dialectOf(format) : {};
  return {
    landing: place.landing,
    format: format.kind,
    ...(Object.keys(csv).length === 0 ? {} : { csv }),
    writeMode: 'append',
    ...(drifts ? { drift: { missingColumn: 'null' } } : {}),
    ...(maxRejectPercent === undefined ? {} : { maxRejectPercent }),
  };
}

/** What differs from the defaults. */
function dialectOf({
  kind: _kind,
  trailer: _trailer,
  ...dialect
}: Extract<FileFormat, { kind: 'csv' }>): object {
  const defaults: Readonly<Record<string, unknown>> = csvSchema.parse({});
  return Object.fromEntries(Object.entries(dialect).filter(([name, value]) => defaults[name] !== value));
}

function propertyOf(column: ProposedColumn): object {
  const { name, type, required, personal, validValues, keyPosition } = column;
  const custom = [
    ['sourceNames', column.sourceNames.length > 0 ? column.sourceNames : undefined],
    ['trim', column.trim || undefined],
    ['nullTokens', type.nullTokens === undefined ? undefined : ['', ...type.nullTokens]],
    ['standardize', type.standardize],
    ['dateFormats', type.dateFormats],
    ['numberFormat', type.numberFormat],
    ['pii', personal?.pii],
  ].flatMap(([property, value]) => (value === undefined ? [] : [{ property, value }]));
  return {
    name,
    logicalType: type.logicalType,
    ...(type.physicalType === undefined ? {} : { physicalType: type.physicalType }),
    ...(required ? { required } : {}),
    ...(keyPosition === undefined ? {} : { primaryKey: true, primaryKeyPosition: keyPosition }),
    ...(type.options === undefined ? {} : { logicalTypeOptions: type.options }),
    ...(personal === undefined ? {} : { classification: 'restricted' }),
    ...(custom.length === 0 ? {} : { customProperties: custom }),
    ...(validValues === undefined
      ? {}
      : {
          quality: [{ metric: 'invalidValues', arguments: { validValues }, mustBe: 0, severity: 'warning' }],
        }),
  };
}

const commentOf = (notes: readonly Note[]): string =>
  notes
    .flatMap(({ kind, text }) => wrapped(kind === 'unsure' ? `UNSURE: ${text}` : text))
    .map((line) => ` ${line}`)
    .join('\n');

function wrapped(text: string): readonly string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length + 1 > WIDTH - 12) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

type At = readonly (string | number)[];

function comment(document: Document, at: At, notes: readonly Note[]): void {
  const node = document.getIn(at, true);
  if (isNode(node) && notes.length > 0) node.commentBefore = commentOf(notes);
}

/** Items of a list, or the whole of a map, on one line where it fits. */
function inFlow(document: Document, at: At): void {
  const node = document.getIn(at, true);
  if (isSeq(node)) for (const item of node.items) if (isMap(item)) item.flow = true;
  if (isMap(node)) node.flow = true;
}
