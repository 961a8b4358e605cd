import type { Dataset } from '../contract/dataset.ts';
import type { Executions } from '../ledger/locks.ts';
import type { EnginePolicy } from '../plan/engine-choice.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { Clock } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { Jobs } from '../ports/jobs.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Everything the tasks of the state machine act through. */
export interface Services {
  readonly datasets: readonly Dataset[];
  readonly stores: Stores;
  readonly ledger: Ledger;
  readonly catalog: Catalog;
  /** Executes a plan on the engine that it names. */
  readonly engine: Engine;
  readonly enginePolicy: EnginePolicy;
  /** Where plans for Spark are executed by a job of the state machine's. @default `engine` executes them, too */
  readonly jobs?: Jobs;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly executions: Executions;
  /** Text that no call has given before. */
  readonly newId: () => string;
  readonly limits: BatchLimits;
}

export interface Stores {
  readonly raw: ObjectStore;
  readonly lake: ObjectStore;
  readonly vault: ObjectStore;
  /** Plans and results of runs. */
  readonly results: ObjectStore;
}

export interface BatchLimits {
  readonly files: number;
  readonly bytes: number;
  /** Rounds of one execution; the next one is another's. */
  readonly rounds: number;
}

/**
 * DESIGN section 4: what one run takes together at most. Step Functions ends an execution at 25,000 events of its history; as many rounds as
 * these stay below 20,000 even where each task of each round is retried to the last (a test counts it).
 */
export const DEFAULT_LIMITS: BatchLimits = { files: 5000, bytes: 64 * 1024 ** 3, rounds: 100 };
