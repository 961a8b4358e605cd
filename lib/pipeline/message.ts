import type { JobReference } from '../ports/jobs.ts';

/** A file that has to leave its batch, and why. */
export interface Isolated {
  readonly fileId: string;
  readonly code: string;
  readonly message: string;
}

/** What travels from state to state: references only. */
export interface Message {
  readonly dataset: string;
  /** Most files that the next run may take; halved while a poison file is searched. */
  readonly limit?: number;
  /** Rounds that this execution has begun. */
  readonly rounds?: number;
  readonly runId?: string;
  /** Epoch of the lock that the run holds. */
  readonly epoch?: number;
  readonly next?:
    | 'plan'
    | 'execute'
    | 'job'
    | 'verify'
    | 'publish'
    | 'hold'
    | 'isolate'
    | 'abandon'
    | 'handOver'
    | 'done';
  /** Files that Plan or Verify wants taken out of the batch, as a document key would be too small to matter: ids and codes. */
  readonly isolate?: readonly Isolated[];
  /** What the job outside is given. */
  readonly job?: JobReference;
  readonly error?: { readonly Error?: string; readonly Cause?: string };
}

/** A message within a run. */
export type RunMessage = Message & { readonly runId: string; readonly epoch: number };
