/** Every limit on what a file may hold; beside those on a question, all in one place. What exceeds one is refused with a reason, never a crash. */
export const LIMITS = {
  columns: 2_000,
  /** Bytes of a text that a table is partitioned by, as part of a folder's name: file systems allow 255, and signs other than letters and digits count for more. */
  partitionBytes: 240,
  /** Bytes of a record, and so of a field; also what DuckDB's parser is told. Its buffers grow with it: 16 MiB here doubled the time of parsing. */
  recordBytes: 2 * 1024 * 1024,
  /**
   * Longer records are cut before the engine sees them, just above `recordBytes`: measured with DuckDB 1.5.6, a record of 40 MiB is
   * one reject, one of 50 MiB takes others with it.
   */
  engineRecordBytes: 16 * 1024 * 1024,
  /** Bytes of the header record, or of an Avro file's header. */
  headerBytes: 1024 * 1024,
  /** Inflated bytes for each compressed one, beyond `freeBytes`; blocks of an Avro file count together. */
  inflation: 200,
  freeBytes: 10 * 1024 * 1024,
  /** Distinct keys of all JSON objects of a file. */
  jsonKeys: 2_000,
  /** Objects, arrays or elements inside each other. */
  nesting: 100,
  /** Members of an archive. */
  members: 1_000,
  /** Bytes of one block of an Avro file, inflated. */
  blockBytes: 64 * 1024 * 1024,
  /** Characters of a workbook's shared strings, which are held in memory. */
  sharedCharacters: 256 * 1024 * 1024,
} as const;

/** Limits on one question to the lake. One that exceeds them ends with a LimitError; other questions, files and tables are untouched. */
export const QUERY_LIMITS = {
  /**
   * Seconds, on a laptop and in a stage; `headgate query --timeout` sets others. Fewer than the 900 that a Lambda has: what is asked there is
   * stopped before the one who asked is gone.
   */
  seconds: 600,
  /** What DuckDB may take of the laptop's memory; HEADGATE_MEMORY sets another. A single value of up to 2 GiB comes on top of it. */
  memory: '2GB',
  /** What it may write to the lake's scratch folder where memory does not suffice. */
  spill: '10GB',
  /** Bytes of the answer's text, which is held in memory. In a stage the workgroup limits the bytes that are read. */
  answerBytes: 256 * 1024 * 1024,
} as const;
