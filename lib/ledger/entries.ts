import type { ColumnType } from '../contract/dataset.ts';
import type { Quality } from '../quality/score.ts';

/**
 * `pass`; `warn` and `fail`: somebody should look, and what the check found stands in the table (`warn`) or was kept out of it, or was not to be there
 * at all (`fail`); `unknown`: it could not be judged, the message says why.
 */
export type Outcome = 'pass' | 'warn' | 'fail' | 'unknown';

/** One check and what it found: the same of a run and of the daily look. */
export interface CheckResult {
  /** Key of the check in the contract, or what the daily look calls it. */
  readonly check: string;
  readonly outcome: Outcome;
  /** What was counted or computed; null where it could not be. */
  readonly value: number | null;
  /** Rows that it was counted among. */
  readonly rows?: number;
  readonly expected?: string;
  /** For people; never the value of a row. */
  readonly message?: string;
}

/** How ids of files and runs write a moment, so that their texts sort by it: `20261121T042359123Z`. */
export const stampOf = (moment: Date): string => moment.toISOString().replaceAll(/[-:.]/g, '');

/** Begins the ids of files whose place names no business date. */
export const UNDATED = '0000-00-00.';

/**
 * `admitted`: waits for a run. `held`: its batch failed the quality gate. The others are final until a person decides otherwise:
 * `published`, `quarantined` (refused as a whole), `duplicate` (its content is known under another name), `superseded` (a corrected file took its
 * place), `withdrawn` (a rollback took its rows out of the table; it can be replayed), `control` (no rows: a manifest or marker of a file set),
 * `expired` (its rows have left the tables, because the contract keeps them no longer; its counts stay).
 */
export const FILE_STATES = [
  'admitted',
  'held',
  'published',
  'quarantined',
  'duplicate',
  'superseded',
  'withdrawn',
  'control',
  'expired',
] as const;

export type FileState = (typeof FILE_STATES)[number];

export interface Reason {
  readonly code: string;
  /** What, which value of the configuration, what is allowed, what to do. Never the value of a row. */
  readonly message: string;
  /** Of a run: ids of the files that it is about. Left out: it is about all of them. */
  readonly files?: readonly string[];
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
  /** Run that decided its state last. */
  readonly runId?: string;
  /** Version of the contract that it was published under. */
  readonly contractVersion?: string;
  /** Every run that published it, oldest first: more than one after a replay. */
  readonly publishedBy?: readonly string[];
  /** The file whose place it took. */
  readonly supersedes?: FilePointer;
  readonly supersededBy?: FilePointer;
  /** Refused rows that a steward gave up, by number, or all of them. They stay in quarantine. */
  readonly discarded?: readonly Discard[];
  /** A person decided that the quality gate does not hold this file back. */
  readonly waivedBy?: string;
  /** The file set that it belongs to: business date, or folder of its key. */
  readonly set?: string;
  /** It says what its set is and holds no rows. A manifest's entries are its profile. */
  readonly control?: 'manifest' | 'marker';
  /** It was refused because of this file of its set, or of what this manifest states: it comes back once the set is whole. */
  readonly refusedFor?: string;
}

/** What a file brought that its contract did not know. */
export type DriftEntry = ColumnDrift | TypeDrift;

/** A column. `added`: to the table, as text. `refused`: rows that hold a value there are quarantined. */
export interface ColumnDrift extends DriftCause {
  readonly effect: 'added' | 'refused';
}

/** Values that its column's type did not hold and a wider one does. */
export interface TypeDrift extends DriftCause {
  readonly effect: 'widened';
  readonly type: ColumnType;
}

interface DriftCause {
  readonly dataset: string;
  readonly column: string;
  /** As the file names it. */
  readonly sourceName: string;
  readonly fileId: string;
  readonly key: string;
  readonly at: string;
}

export interface FilePointer {
  readonly dataset: string;
  readonly fileId: string;
}

export interface Discard {
  readonly rows: readonly number[] | 'all';
  readonly by: string;
  readonly why: string;
  readonly at: string;
}

/** Stages that a run passes in this order; from `published` on they are final. */
export type RunState =
  | 'claimed'
  | 'planned'
  | 'executed'
  | 'publishing'
  | 'published'
  | 'held'
  | 'releasing'
  | 'released'
  | 'rejecting'
  | 'rejected'
  | 'failed'
  | 'withdrawn';

export const FINAL_RUN_STATES: readonly RunState[] = [
  'published',
  'held',
  'released',
  'rejected',
  'failed',
  'withdrawn',
];

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
  /** The replay that it works on, instead of pending files. */
  readonly replay?: string;
  /** Files whose rows left the tables in its commits. */
  readonly withdraws?: readonly string[];
  /** It rolls the table back instead of loading files. */
  readonly rollback?: Rollback;
  /** It took out what was past the retention of the contract, instead of loading files. */
  readonly retention?: { readonly before: string; readonly files: number; readonly rows: number };
  readonly contractVersion?: string;
  /** Who released or rejected it while it was held. */
  readonly decidedBy?: string;
  readonly engine?: string;
  readonly counts?: FileCounts;
  /** Of a batch that is held. */
  readonly quality?: Quality;
  /** Every check of the contract over the batch, once the engine has judged it. */
  readonly checks?: readonly CheckResult[];
  readonly snapshots?: Readonly<Record<string, string>>;
  readonly reasons: readonly Reason[];
  readonly seconds?: Readonly<Record<string, number>>;
}

export interface Rollback {
  /** Snapshot of the curated table whose rows stand again; null for none. */
  readonly to: string | null;
  /** Once it is done: runs whose changes readers see no more, and again. */
  readonly withdrawn?: readonly string[];
  readonly restored?: readonly string[];
}

/** Files that a person wants loaded again, all in one run or none. */
export interface ReplayEntry {
  /** Sorts by time. */
  readonly id: string;
  readonly dataset: string;
  /** Those that were named; which others come along is found when a run takes it. */
  readonly files: readonly ReplayFile[];
  /** `open`: waits for a run. `held`: failed the quality gate. `done` and `refused` are final; refused changed nothing. */
  readonly state: 'open' | 'held' | 'done' | 'refused';
  readonly by: string;
  readonly at: string;
  readonly runId?: string;
  /** A person decided that the quality gate does not hold it back. */
  readonly waivedBy?: string;
  readonly reasons: readonly Reason[];
}

export interface ReplayFile {
  readonly fileId: string;
  /** A corrected copy of its bytes in the raw store, where a steward mended rows. */
  readonly corrected?: { readonly key: string; readonly etag: string };
  /** Its entry, where the ledger has none yet: a corrected file that was handed in. */
  readonly entry?: FileEntry;
}

/** What the daily look found of one dataset and day. */
export interface DailyEntry {
  readonly dataset: string;
  /** `yyyy-MM-dd` in the dataset's zone. */
  readonly day: string;
  readonly at: string;
  readonly results: readonly CheckResult[];
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
  replays: (dataset: string) => `replay#${dataset}`,
  /** Replays that wait for a run, by dataset and id. */
  openReplays: 'open-replay',
  /** Files with rows that lost to a row of a file, by the winner and the run that decided it. */
  losses: (dataset: string) => `loss#${dataset}`,
  /** Files of a set, control files among them, by set and file id. */
  members: (dataset: string) => `member#${dataset}`,
  /** Sets with a control file that no run has looked at, by dataset and set. */
  openSets: 'open-set',
  /** What people have been told of once, by the matter. */
  alerts: 'alert',
  /** Columns that files have brought and no contract knew, by name. */
  drift: (dataset: string) => `drift#${dataset}`,
  summary: (dataset: string) => `summary#${dataset}`,
  /** Results of the daily look, by day. */
  daily: (dataset: string) => `daily#${dataset}`,
  locks: 'lock',
  /** Runs that matched the records of an entity, by run id. */
  matchRuns: (entity: string) => `match-run#${entity}`,
  /** What people decided about pairs of records of an entity, by pair. */
  matchDecisions: (entity: string) => `match-decision#${entity}`,
  /** Landed objects whose file is final and that still have to be removed, by file id. */
  settling: 'settling',
  /** What people still have to be told, by kind and subject. */
  notices: 'notice',
} as const;
