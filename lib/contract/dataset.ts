/** What a contract says about one feed, parsed once and frozen. Everything deeper in Headgate works from this. */
export interface Dataset {
  /** `fingerprint`: hash of the document's text; another text may decide otherwise about the same file. */
  readonly contract: {
    readonly id: string;
    readonly version: string;
    readonly file: string;
    readonly fingerprint: string;
  };
  readonly domain: string;
  readonly name: string;
  readonly description?: string;
  readonly about: About;
  readonly landing: string;
  readonly format: FileFormat;
  /** Other systems that send rows of the same columns; `asSent` gives the dataset as their files see it. */
  readonly alsoFrom: readonly Source[];
  readonly columns: readonly Column[];
  readonly writeMode: WriteMode;
  readonly dedupe?: Dedupe;
  /** With `writeMode: scd2`. */
  readonly history?: History;
  readonly duplicateFile: 'skip' | 'reload';
  /** With `writeMode: replace`: whether a file without rows may leave the table without any, or a person decides. */
  readonly replaceByEmpty: 'hold' | 'accept';
  readonly drift: DriftPolicy;
  /** Share of refused rows, per file and per batch, above which the batch is held. 0 to 100. */
  readonly maxRejectPercent: number;
  /** Quality score that a batch, and each file of it, must exceed to be published: see `lib/quality/score.ts`. 0 to 100. */
  readonly qualityScoreAbove?: number;
  readonly engine: 'auto' | 'duckdb' | 'spark';
  /** Keep an all-text table of every record in `<domain>_raw`. */
  readonly raw: boolean;
  /** Keep rows that others of their key have replaced in `<domain>.<name>_earlier`. With `writeMode: merge`. */
  readonly earlier: boolean;
  readonly rowChecks: readonly RowCheck[];
  readonly batchChecks: readonly BatchCheck[];
  readonly service: readonly ServiceLevel[];
  /** Files that are taken in together or not at all. */
  readonly fileSet?: FileSet;
  readonly arrivals?: ArrivalCalendar;
  readonly volume?: VolumeRule;
}

/** What a contract's document says for people. */
export interface About {
  readonly purpose?: string;
  readonly usage?: string;
  readonly limitations?: string;
  readonly owner?: string;
  readonly team?: string;
  /** Such as `slack #payments-data`. */
  readonly support: readonly string[];
}

/** Database of the ledger's own tables; no domain may have its name. */
export const LEDGER_DATABASE = 'headgate';

/** Follows a dataset's name in that of the table of its earlier rows. */
export const EARLIER = '_earlier';

export interface Source {
  readonly landing: string;
  readonly format: FileFormat;
  /** By column, its name (or path) in these files. */
  readonly names: Readonly<Record<string, string>>;
}

/** What makes a set of files complete. Patterns are landing patterns of files that hold no rows. */
export type FileSet = (
  | { readonly kind: 'manifest' | 'marker'; readonly pattern: string }
  | { readonly kind: 'count'; readonly count: number }
) & { readonly deadlineHours: number };

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/** Which business dates have files. Dates are `yyyy-MM-dd`. */
export interface ArrivalCalendar {
  /** IANA name. */
  readonly timezone: string;
  readonly days: 'daily' | 'weekdays' | 'monthEnd' | readonly Weekday[];
  readonly holidays: readonly string[];
  /** Days from a business date to the day of its `timeOfAvailability`. */
  readonly lagDays: number;
}

/** Rows of a business date are held against those of comparable ones. */
export interface VolumeRule {
  readonly onAnomaly: 'warn' | 'hold';
  /** Deviations from the median that are usual. */
  readonly tolerance: number;
  /** Comparable arrivals without which nothing is judged. */
  readonly fewest: number;
}

export type WriteMode = 'append' | 'merge' | 'scd2' | 'replacePartitions' | 'replace';

/**
 * Names of the columns that type-2 rows have besides the contract's own. A version of a key holds from `effectiveFrom`, the value of
 * `dedupe.orderBy`, up to but not including `effectiveTo`, which is null for the version that is current.
 */
export interface History {
  readonly effectiveFrom: string;
  readonly effectiveTo: string;
  readonly current: string;
}

export interface Dedupe {
  readonly keys: readonly string[];
  readonly keep: 'first' | 'last';
  /** Column whose greater value is later. @default order of business date, time received, file id, row */
  readonly orderBy?: string;
}

export interface DriftPolicy {
  readonly addedColumn: 'reject' | 'ignore' | 'quarantine' | 'evolve';
  readonly missingColumn: 'reject' | 'null' | 'quarantine';
  readonly reordered: 'reject' | 'accept';
  readonly retyped: 'reject' | 'quarantine' | 'evolve';
}

export type FileFormat =
  | CsvFormat
  | JsonFormat
  | { readonly kind: 'parquet' }
  | AvroFormat
  | XmlFormat
  | XlsxFormat
  | FixedWidthFormat;

/** Paths are steps from the record separated by `/`; `~1` is a `/` inside a name, `~0` a `~` (RFC 6901). */
export interface Nesting {
  /** Where columns stand that are no fields of the first level. */
  readonly paths: readonly string[];
  /** An array whose elements become rows, each with the record's other fields; an empty one leaves one row. */
  readonly rows?: string;
}

export interface JsonFormat {
  readonly kind: 'json' | 'jsonl';
  /** Left out: the columns are the fields of the first level. */
  readonly nesting?: Nesting;
  /** Of a file that is one object: where its array of records stands. */
  readonly records?: string;
}

export interface AvroFormat {
  readonly kind: 'avro';
  readonly nesting: Nesting;
}

export interface XmlFormat {
  readonly kind: 'xml';
  /** Names of the elements from the root to the one that is a record. */
  readonly record: string;
  readonly nesting: Nesting;
  /** Prefix by namespace; elements of other namespaces, or of none, go by their local name. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** Names of columns that keep a whole element as JSON text, and those of them that are lists. */
  readonly objects: readonly string[];
  readonly lists: readonly string[];
}

export interface XlsxFormat {
  readonly kind: 'xlsx';
  /** Name, or position from 1. */
  readonly sheet: string | number;
  readonly headerRow: number;
  /** Names of columns whose cells with a date format are written as a date, or with its time. */
  readonly dates: readonly string[];
  readonly timestamps: readonly string[];
}

export interface FixedWidthFormat {
  readonly kind: 'fixedWidth';
  readonly encoding: CsvEncoding;
  readonly skipLines: number;
  /** Characters from 1, in the order of the line. */
  readonly fields: readonly { readonly name: string; readonly start: number; readonly length: number }[];
}

export interface CsvFormat {
  readonly kind: 'csv';
  /** One character. */
  readonly delimiter: string;
  /** One character, or empty: no quoting. */
  readonly quote: string;
  /** One character; the same as `quote` where quotes are doubled. */
  readonly escape: string;
  readonly header: boolean;
  readonly encoding: CsvEncoding;
  /** Lines before the header (or first record) that are not records. */
  readonly skipLines: number;
  readonly trailer?: Trailer;
}

export type CsvEncoding = 'utf-8' | 'utf-16' | 'latin-1' | 'windows-1252';

/** The last record of the file is not a row but control totals: a line that starts with `prefix` followed by the delimiter. */
export interface Trailer {
  readonly prefix: string;
  /** Position (0-based field of the trailer) of the number of records. */
  readonly countField: number;
  /** A column whose sum over all records of the file must equal a field of the trailer. */
  readonly sum?: { readonly column: string; readonly field: number };
}

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly description?: string;
  readonly required: boolean;
  readonly unique: boolean;
  /** 1-based position in the primary key. */
  readonly primaryKey?: number;
  readonly partition?: { readonly position: number; readonly transform: PartitionTransform };
  /** Other names under which sources have sent this column; matched exactly after the column's own name. */
  readonly sourceNames: readonly string[];
  /** Names that the column has had in the table: one that the table still has is renamed, rows and id stay. */
  readonly formerNames: readonly string[];
  /** Texts that mean null. The empty text is one unless the contract lists others without it. */
  readonly nullTokens: readonly string[];
  /** Blanks around the value are removed before anything looks at it. */
  readonly trim: boolean;
  /** Macros applied in order to the trimmed text. */
  readonly standardize: readonly Macro[];
  readonly pii?: Pii;
  readonly classification: string;
  /** A file has brought it and rows that hold a value there are refused: curated has no such column. */
  readonly isStray?: true;
}

export type PartitionTransform = 'identity' | 'year' | 'month' | 'day';

/** Each macro maps a text to a text; null stays null; a text it does not understand passes unchanged. */
export type Macro =
  | { readonly kind: 'lowercase' }
  | { readonly kind: 'uppercase' }
  | { readonly kind: 'collapseBlanks' }
  /** `17850.0` to `17850`. */
  | { readonly kind: 'stripZeroFraction' }
  /** A mail address in small letters, without `mailto:`, and without the blanks and angle brackets around it. */
  | { readonly kind: 'email' }
  /** The name of a person or place in small letters, blanks collapsed, apostrophes and hyphens plain. */
  | { readonly kind: 'name' }
  /** Capital letters, no blanks: `1012 ab` is `1012AB`. */
  | { readonly kind: 'postcode' }
  /** A date by the first of these JDK patterns that prints exactly this text, as ISO 8601. */
  | { readonly kind: 'date'; readonly patterns: readonly string[] }
  /** National or international notation to E.164 with the given dialling code, such as `+31`. */
  | { readonly kind: 'phone'; readonly dialCode: string };

export interface Pii {
  readonly kind: string;
  readonly action: 'tokenize' | 'mask' | 'redact' | 'drop' | 'vault';
}

/** How a source writes numbers, in the words of CSV on the Web (W3C, Metadata Vocabulary for Tabular Data, 6.4.2). Without it: a point, no groups. */
export interface NumberFormat {
  readonly decimalChar: '.' | ',';
  /** Between groups of three digits, where there are groups. */
  readonly groupChar?: '.' | ',' | ' ' | "'" | undefined;
}

export type ColumnType =
  | { readonly kind: 'string' }
  | { readonly kind: 'integer'; readonly bits: 32 | 64; readonly format?: NumberFormat }
  | {
      readonly kind: 'decimal';
      readonly precision: number;
      readonly scale: number;
      readonly format?: NumberFormat;
    }
  | { readonly kind: 'double'; readonly format?: NumberFormat }
  | { readonly kind: 'boolean' }
  /** Formats are JDK DateTimeFormatter patterns, tried in order; a text is valid when it is exactly what a pattern prints. */
  | { readonly kind: 'date'; readonly formats: readonly string[] }
  /** Empty `formats`: ISO 8601 with `T` or a blank. `zone`: what a text without offset means. */
  | { readonly kind: 'timestamp'; readonly formats: readonly string[]; readonly zone: string }
  /** An object or array kept as its JSON text. */
  | { readonly kind: 'json' };

/** What one value, or one row, must satisfy. Null values pass every test but `required`. */
export type RowTest =
  | { readonly kind: 'required' }
  | { readonly kind: 'length'; readonly min?: number; readonly max?: number }
  /** ECMA-262 subset that RE2 understands; the whole value must match. */
  | { readonly kind: 'pattern'; readonly pattern: string }
  /** Bounds as text in the column's own notation. */
  | {
      readonly kind: 'range';
      readonly min?: string;
      readonly max?: string;
      readonly exclusiveMin?: string;
      readonly exclusiveMax?: string;
    }
  | { readonly kind: 'multipleOf'; readonly of: string }
  /** Values of the column's type are compared as such: `5.00` is `5`. What is none is compared as text. */
  | { readonly kind: 'allowed'; readonly values: readonly string[] }
  | { readonly kind: 'forbidden'; readonly values: readonly string[] }
  /** A predicate over typed columns; false refuses the row, null passes. */
  | { readonly kind: 'predicate'; readonly sql: string };

export type RowAction = 'warn' | 'quarantine' | 'rejectFile';
export type Severity = 'info' | 'warning' | 'error';

/** A check that each row passes or fails. Type and (un)parsable text are checked for every column without being listed. */
export interface RowCheck {
  /** Unique in the dataset: `<column>.<what>` or `rule.<name>`. */
  readonly key: string;
  readonly column?: string;
  /** Reason code, such as `value.range` or `row.rule`. */
  readonly code: string;
  readonly test: RowTest;
  readonly severity: Severity;
  readonly action: RowAction;
}

export type BatchMeasure =
  | { readonly kind: 'rowCount' }
  | { readonly kind: 'nulls'; readonly column: string }
  /** Values that fail the test. */
  | { readonly kind: 'invalid'; readonly column: string; readonly test: RowTest }
  /** Rows beyond the first of each group with equal values. */
  | { readonly kind: 'duplicates'; readonly columns: readonly string[] }
  /** One number; `${table}` stands for the rows about to be published. */
  | { readonly kind: 'sql'; readonly query: string };

export type Operator =
  | { readonly kind: 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'; readonly value: number }
  | { readonly kind: 'between' | 'notBetween'; readonly low: number; readonly high: number };

/** A check on all rows of a batch that are about to be published. */
export interface BatchCheck {
  readonly key: string;
  readonly measure: BatchMeasure;
  readonly unit: 'rows' | 'percent';
  readonly operator: Operator;
  readonly severity: Severity;
  readonly action: 'warn' | 'hold';
}

export interface ServiceLevel {
  readonly property: string;
  readonly value: string | number | boolean;
  readonly unit?: string;
  readonly element?: string;
}

/** The newest file, or set of files, takes the place of whole partitions, or of the table. */
export const replacesWhole = ({ writeMode }: Pick<Dataset, 'writeMode'>): boolean =>
  writeMode === 'replacePartitions' || writeMode === 'replace';

/** `payments/transactions`: how people and the ledger name a dataset. */
export const datasetId = (dataset: Pick<Dataset, 'domain' | 'name'>): string =>
  `${dataset.domain}/${dataset.name}`;
