/**
 * `admitted`: waits for a run. `held`: its batch failed the quality gate. The others are final: `published`, `quarantined` (refused as a
 * whole), `duplicate` (its content is known under another name).
 */
export type FileState = 'admitted' | 'held' | 'published' | 'quarantined' | 'duplicate';

export interface Reason {
  readonly code: string;
  /** What, which value of the configuration, what is allowed, what to do. Never the value of a row. */
  readonly message: string;
}

export interface FileCounts {
  readonly received: number;
  readonly published: number;
  readonly quarantined: number;
  readonly deduplicated: number;
}

/** The record of one file: what landed, what became of it, and why. */
export interface FileEntry {
  readonly fileId: string;
  /** `domain/name`, or `unknown` where no landing pattern matches. */
  readonly dataset: string;
  readonly bucket: string;
  /** Key as it landed. */
  readonly key: string;
  readonly etag: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly receivedAt: string;
  readonly businessDate?: string;
  readonly state: FileState;
  readonly reasons: readonly Reason[];
  readonly counts: FileCounts;
  /** Failing rows by check, warnings included. */
  readonly checks: Readonly<Record<string, number>>;
  /** Where the bytes are kept, in the raw store. */
  readonly rawKey: string;
  readonly rawEtag: string;
  readonly fields: readonly (string | null)[];
  /** What `lib/formats` learnt about the bytes. */
  readonly profile: unknown;
  readonly duplicateOf?: string;
  /** Fingerprint of the contract that intake judged the file by. */
  readonly judgedBy: string;
  readonly runId?: string;
  /** A person decided that the quality gate does not hold this file back. */
  readonly waivedBy?: string;
}

/** Stages that a run passes in this order; from `published` on they are final. */
export type RunState =
  | 'claimed'
  | 'planned'
  | 'executed'
  | 'publishing'
  | 'published'
  | 'held'
  | 'released'
  | 'rejected'
  | 'failed';

export const FINAL_RUN_STATES: readonly RunState[] = ['published', 'held', 'released', 'rejected', 'failed'];

/** What is known of a content. `refusedUnder`: its file was refused under that contract, another one may take it. */
export interface ContentEntry {
  readonly dataset: string;
  readonly fileId: string;
  readonly refusedUnder?: string;
}

export interface RunEntry {
  readonly runId: string;
  readonly dataset: string;
  readonly state: RunState;
  readonly files: readonly string[];
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly engine?: string;
  readonly counts?: FileCounts;
  readonly snapshots?: Readonly<Record<string, string>>;
  readonly reasons: readonly Reason[];
  readonly seconds?: Readonly<Record<string, number>>;
}

export interface LockEntry {
  readonly dataset: string;
  readonly runId: string;
  /** Execution of the state machine that holds it; empty when it is free. */
  readonly owner: string;
  /** Grows with every holder; a write that names an older one is refused. */
  readonly epoch: number;
  readonly leaseUntil: string;
}

/** Partitions of the ledger. */
export const partitions = {
  datasets: 'dataset',
  files: (dataset: string) => `file#${dataset}`,
  /** Admitted files that wait, by file id. */
  pending: (dataset: string) => `pending#${dataset}`,
  /** File with a content, by SHA-256. */
  content: (dataset: string) => `content#${dataset}`,
  /** What was made of an object, by key and version. */
  objects: (bucket: string) => `object#${bucket}`,
  runs: (dataset: string) => `run#${dataset}`,
  /** Runs that are not final, by dataset and run id. */
  openRuns: 'open-run',
  locks: 'lock',
  /** Landed objects whose file is final and that still have to be removed, by file id. */
  settling: 'settling',
} as const;
