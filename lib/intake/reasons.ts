/** Every stable reason code: what it means and what to do. `docs/reason-codes.md` is made from this list. */
export const REASONS = {
  'file.unknown_feed':
    'No contract has a landing pattern that matches the key. Move the file to a feed’s place, or write a contract for it.',
  'file.gone':
    'The object was removed or replaced before it could be read. Send it again under a name of its own.',
  'file.ambiguous_feed':
    'The landing patterns of several contracts match the key. The reason names the datasets; make the patterns distinct and send the file again.',
  'file.empty': 'The file has no bytes. Send it again, or ask its source.',
  'file.encoding':
    'The bytes are not in the encoding of the contract. Send the file in it, or change `csv.encoding`.',
  'file.format':
    'The file as a whole can’t be read: a quote that is never closed, a cut-off or damaged archive, JSON array, XML document, workbook, Avro block or Parquet footer; XML with a document type. The reason says which. Send it again.',
  'file.header':
    'The columns differ from the contract. The reason lists them; send the file with the agreed columns, or declare `sourceNames` or `drift`.',
  'file.duplicate':
    'The same bytes are known under another name. Nothing to do; `duplicateFile: reload` takes such files in again.',
  'file.corrected':
    'A corrected file took the place of the one with these bytes. `headgate quarantine release` puts them back in its place.',
  'file.control_total':
    'The totals that the trailer, or the manifest of its set, states differ from the file, or the trailer is missing. The file may be cut off; send it, or the manifest, again.',
  'file.incomplete_set':
    'The file waits until its set is complete. `headgate arrivals` says what the set lacks; send that.',
  'file.set_refused':
    'Another file of its set was refused, and a set is taken in whole or not at all. The reason names that file; send it corrected, and this one comes back by itself.',
  'file.manifest':
    'The manifest of a file set can’t be read, or states what is not known. The reason says what; send it corrected.',
  'file.too_large':
    'A limit is exceeded: columns, bytes of a record, depth of nesting, members of an archive, inflated bytes. Send the file in parts.',
  'file.count_mismatch':
    'Intake and engine count different numbers of records, so rows could be lost. Report it with the file; nothing was published.',
  'file.poison':
    'The engine can’t process the file, alone or in any batch. Report it with the file; the others of its batch were published.',
  'file.rejected_by_rule':
    'A rule with `onFailure: rejectFile` failed for at least one row. The reason names the rule; send a corrected file.',
  'file.rejected_on_hold':
    'A person rejected the batch that the quality gate had held. Send a corrected file.',
  'file.share':
    'Of one file more rows are refused than `maxRejectPercent` allows, so its batch is held. `headgate hold show` says more; release or reject it.',
  'file.score': 'The quality score of one file is not above `qualityScoreAbove`, so its batch is held.',
  'batch.share': 'Of the batch more rows are refused than `maxRejectPercent` allows, so it is held.',
  'batch.score': 'The quality score of the batch is not above `qualityScoreAbove`, so it is held.',
  'batch.rule':
    'A rule over the batch with `onFailure: hold` failed; the message names it and what it found.',
  'batch.volume':
    'Far more or fewer rows than on the last comparable days. A warning, or a hold where `volume.onAnomaly` says so.',
  'batch.volume_unknown': 'Too few comparable days are known to judge the number of rows.',
  'batch.empties_table':
    'The newest file of a table that it replaces has no good rows, and the table would be left without any. Release or reject it, or say `replaceByEmpty: accept`.',
  'batch.held': 'Nothing is wrong with this file: another one of its batch held it.',
  'record.malformed':
    'The record can’t be split into the agreed fields: too many or too few fields, a stray quote, no JSON object or one with a key twice, half a surrogate pair, an XML element twice or with text between elements, a damaged Avro record. Quarantine points at its place in the file.',
  'record.too_long':
    'The record is longer than the parser’s limit. Quarantine points at its place in the file.',
  'record.too_deep': 'Objects or arrays of the record are nested deeper than the limit. Send it flatter.',
  'record.formula':
    'A cell of the row is a formula without a stored value, or an error such as #N/A. Open the workbook, let it calculate, save and send it again.',
  'record.merged':
    'A cell of the row is merged over several columns, so nobody can tell whose value it is. Split the cell and send the file again.',
  'value.missing': 'A required value is missing.',
  'value.type':
    'The text is not a value of the column’s type: see “What is a valid value” in [architecture](architecture.md). A local time that a change of the clocks leaves out is none. Where the source writes dates or numbers in another form: `dateFormats`, `numberFormat`.',
  'value.range':
    'The value lies outside the type’s or the contract’s range, or is no multiple of the agreed step.',
  'value.length':
    'The text is shorter or longer than the contract allows; or the table is partitioned by it and no folder can have so long a name (240 bytes, percent-encoded).',
  'value.pattern': 'The text does not match the contract’s pattern or format.',
  'value.not_allowed': 'The text is not one of the contract’s valid values.',
  'value.unexpected':
    'The row holds a value in a column that the contract does not know (`drift.addedColumn: quarantine`). Declare the column, or send the rows without it.',
  'row.rule': 'A rule of the contract is false for the row; `rule` names it.',
  'row.duplicate_key': 'Another row has the same value in a column that must be unique.',
  'row.duplicate':
    'Another row of the batch or table with the same key wins. Counted as deduplicated, not quarantined.',
  'row.superseded':
    'The table or a newer file holds a later row for the key or partition. Counted as deduplicated, not quarantined.',
} as const;

export type ReasonCode = keyof typeof REASONS;

/** Markdown of docs/reason-codes.md. */
export const reasonCodes = (): string =>
  [
    '# Reason codes',
    '',
    'Every refusal carries one of these stable codes. Made from `lib/intake/reasons.ts` by `npm run docs`; a test fails when it is stale.',
    '',
    '| code | what it means and what to do |',
    '|---|---|',
    ...Object.entries(REASONS).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`),
    '',
  ].join('\n');
