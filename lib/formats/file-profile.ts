export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'zip';

/** What one pass over the bytes tells; plain JSON, kept in the ledger. */
export interface FileProfile {
  /** Of the bytes as they landed. */
  readonly sha256: string;
  readonly bytes: number;
  readonly compression: Compression;
  /** Of what is packed, once it is unpacked; of Parquet as its footer states. An engine needs room for these. */
  readonly plainBytes?: number;
  /** Of gzip: with optional fields, several members, or zeros behind it, which DuckDB 1.5.6 may take for damaged. */
  readonly isOddGzip?: boolean;
  /** Header, blank lines, skipped lines and the trailer are no records; records that can't be split are. */
  readonly records: number;
  /** Names of the fields in order: header of a CSV file or sheet, keys or paths of JSON and XML, columns of a Parquet or Avro file. */
  readonly header?: readonly string[];
  /** Number of fields of the first record, where there is no header. */
  readonly width?: number;
  readonly trailer?: readonly string[];
  readonly lineEnd?: 'lf' | 'crlf' | 'cr' | 'mixed';
  readonly hasBlankLines?: boolean;
  /** A record is longer than `LIMITS.engineRecordBytes`. */
  readonly hasLongRecords?: boolean;
  readonly hasOddPreamble?: boolean;
  readonly hasSurplusDelimiters?: boolean;
  /** Of a sheet: its reader must know merged ranges before the rows, and they stand behind them. */
  readonly hasMergedCells?: boolean;
  /** Physical and logical type of each column of a Parquet file, as text that is equal for equal types. */
  readonly types?: readonly string[];
  /** Which columns of a Parquet file hold lists, maps or structs. */
  readonly nested?: readonly boolean[];
  /** Of an archive, in its order; their records are numbered on from one to the next. */
  readonly members?: readonly { readonly name: string; readonly records: number }[];
  /** Why the file as a whole can't be taken in. */
  readonly problem?: { readonly code: string; readonly message: string };
}

/** What a format's own pass finds. */
export type Content = Omit<FileProfile, 'sha256' | 'bytes' | 'compression' | 'isOddGzip' | 'problem'>;

/** Reads parts of the file: Parquet keeps its footer at the end. */
export interface RandomAccess {
  readonly bytes: number;
  slice(start: number, end: number): Promise<Uint8Array>;
}
