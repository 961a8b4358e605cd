import './quiet.ts';
import { cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { StateMachine } from 'aws-local-stepfunctions';
import { intakeHandler } from '../../lambdas/intake/batch.ts';
import { duckDbEngine } from '../../lib/adapters/local/duckdb-engine.ts';
import { keyFiles } from '../../lib/adapters/local/key-file.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { router } from '../../lib/intake/route.ts';
import { FINAL_RUN_STATES, partitions, type RunEntry } from '../../lib/ledger/entries.ts';
import definition from '../../lib/pipeline/pipeline.asl.json' with { type: 'json' };
import { sweep } from '../../lib/pipeline/sweep.ts';
import { TASKS } from '../../lib/pipeline/tasks.ts';
import { makeMissingTables, work } from '../../lib/pipeline/work.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import type { Notice } from '../../lib/ports/notifier.ts';
import type { Secrets } from '../../lib/ports/secrets.ts';
import { PII_SECRET } from '../../lib/privacy/protection.ts';
import { watchedDisk } from './disk.ts';
import { type Effect, effectful, type FaultKind, type Stage as Scene, type Theatre } from './effects.ts';
import type { Schedule } from './schedules.ts';

export const DATASET = 'shop/orders';

/** Refused rows, a key that repeats within a file and across files, and a file whose header is wrong. */
export const FILES: readonly (readonly [string, string])[] = [
  ['orders/2026-01-01.csv', 'id,amount,phone\n1,1.50,0611\n2,2.50,0612\n3,x,0613\n'],
  ['orders/2026-01-02.csv', 'id,amount,phone\n2,20.00,0612\n4,4.00,\n4,4.50,0614\n'],
  ['orders/2026-01-03.csv', 'id,total\n5,5.00\n'],
];

const LANDED = Date.UTC(2026, 1, 1, 12);
const MINUTE = 60_000;
const ROUNDS = 12;

export interface Sent {
  readonly kind: Notice['kind'];
  readonly subject: string;
}

/** A lake after a schedule and after the sweeper has come to rest. */
export interface Played {
  readonly lake: Lake;
  readonly schedule: Schedule;
  readonly trace: readonly Effect[];
  /** Calls of the disk until the faults ended. */
  readonly diskCalls: number;
  readonly sent: readonly Sent[];
  /** What no process may do, such as a rejection that nobody handles. */
  readonly misdeeds: readonly string[];
  readonly atRest: boolean;
  /** Sees what the sweeper could not do when it came to no rest. */
  readonly lastErrors: readonly string[];
}

export interface House {
  readonly lake: Lake;
  play(schedule: Schedule): Promise<Played>;
}

const machine = new StateMachine(definition as unknown as ConstructorParameters<typeof StateMachine>[0], {
  validationOptions: { noValidate: true },
});
const AT_ONCE = Object.fromEntries(Object.keys(TASKS).map((state) => [state, 0]));

/** One lake that is set back before each schedule: the process, its databases and its folder are used again. */
export async function openHouse(home: string): Promise<House> {
  rmSync(home, { recursive: true, force: true });
  let sent: Sent[] = [];
  let now = LANDED;
  const disk = watchedDisk();
  const opened = openLake({
    home,
    contracts: join(import.meta.dirname, '../pipeline/scenario/contracts'),
    notifier: {
      notify: async ({ kind, facts }) => void sent.push({ kind, subject: String(facts.file ?? facts.run) }),
    },
  });
  const { stores } = opened;
  const misdeeds: string[] = [];
  const ledger = watched(opened.ledger, misdeeds);
  mkdirSync(join(home, 'keys'), { recursive: true });
  // Always the same, so that tokens are.
  writeFileSync(join(home, 'keys', `${PII_SECRET}.key`), '5e'.repeat(32), { mode: 0o600 });
  const secrets = keyFiles(join(home, 'keys'), ledger);
  const scratch = join(home, 'scratch');
  // One thread: starting more takes longer than three tiny files.
  const engineWith = (own: Secrets) =>
    duckDbEngine({ raw: stores.raw, stores, secrets: own, scratch, threads: 1, memory: '256MB' });
  const lake: Lake & Scene = {
    ...opened,
    ledger,
    secrets,
    engineWith,
    engine: engineWith(secrets),
    clock: { now: () => new Date(now) },
  };
  await makeMissingTables(lake);
  const reset = keeping(home);
  process.on('unhandledRejection', (error) => misdeeds.push(`unhandled rejection: ${describe(error)}`));

  return {
    lake,
    async play(schedule) {
      reset();
      for (const [key, text] of FILES) land(home, key, text);
      sent = [];
      misdeeds.length = 0;
      now = LANDED + MINUTE;
      const landed = await Promise.all(FILES.map(([key]) => lake.landing.stat(key)));
      const etags = landed.map((object) => object?.etag ?? '');
      const moveClock = (milliseconds: number) => {
        now += milliseconds;
      };
      const stage = new Stage(lake, schedule, { misdeeds, etags, moveClock });
      disk.start(schedule.fullAt);
      await stage.deliverAndRun();
      await stage.drain();
      const diskCalls = disk.calls.length;
      disk.free();
      stage.endFaults();
      const { atRest, errors } = await stage.sweepToRest();
      await stage.deliverLate();
      await stage.drain();
      return {
        lake,
        schedule,
        sent: [...sent],
        trace: stage.trace,
        diskCalls,
        atRest,
        lastErrors: errors,
        misdeeds: [...misdeeds],
      };
    },
  };
}

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

/** Sees to it that a run which has ended begins no more: taken up again it would be published a second time, beside the run that took its files. */
function watched(ledger: Ledger, misdeeds: string[]): Ledger {
  return {
    ...ledger,
    async transact(writes) {
      const runs = writes.flatMap((write) =>
        write.kind === 'put' && write.partition === partitions.runs(DATASET) ? [write] : [],
      );
      const before = await Promise.all(
        runs.map(({ sort }) => ledger.get<RunEntry>(partitions.runs(DATASET), sort)),
      );
      const answer = await ledger.transact(writes);
      for (const [index, { body }] of runs.entries()) {
        const was = before[index]?.body.state;
        const { state } = body as RunEntry;
        if (answer === 'done' && was !== undefined && hasEnded(was) && !hasEnded(state))
          misdeeds.push(`a run that was ${was} became ${state}`);
      }
      return answer;
    },
  };
}

/** A held run waits for a person. */
const hasEnded = (state: RunEntry['state']): boolean => FINAL_RUN_STATES.includes(state) && state !== 'held';

/** As EventBridge tells of an object, in the messages that SQS hands to a function. */
const messageOf = (index: number, etag: string) => {
  const [key = '', text = ''] = FILES[index] ?? [];
  const detail = { bucket: { name: 'landing' }, object: { key, size: Buffer.byteLength(text), etag } };
  const time = new Date(LANDED).toISOString();
  const body = JSON.stringify({ source: 'aws.s3', 'detail-type': 'Object Created', time, detail });
  return { messageId: String(index), body };
};

const CONTEXT = { functionName: 'intake', awsRequestId: 'faults' } as Context;

function land(home: string, key: string, text: string): void {
  const path = join(home, 'landing', key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  utimesSync(path, LANDED / 1000, LANDED / 1000);
}

/** Keeps the databases and tables of a lake as they are now, and answers with what sets them back. */
function keeping(home: string): () => void {
  const kept = `${home}.kept`;
  rmSync(kept, { recursive: true, force: true });
  for (const name of ['lake', 'vault']) cpSync(join(home, name), join(kept, name), { recursive: true });
  const tables = ['ledger.db', 'catalog.db'].flatMap((file) => {
    const database = new DatabaseSync(join(home, file), { timeout: 30_000 });
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return names.map(({ name }) => {
      const rows = database.prepare(`SELECT * FROM ${name}`).all();
      return { database, name: String(name), rows };
    });
  });
  return () => {
    for (const name of ['landing', 'raw', 'results', 'scratch', 'lake', 'vault'])
      rmSync(join(home, name), { recursive: true, force: true });
    for (const name of ['lake', 'vault']) cpSync(join(kept, name), join(home, name), { recursive: true });
    for (const { database, name, rows } of tables) {
      database.exec(`DELETE FROM ${name}`);
      for (const row of rows) {
        const values = Object.values(row) as SQLInputValue[];
        database.prepare(`INSERT INTO ${name} VALUES (${values.map(() => '?').join(', ')})`).run(...values);
      }
    }
  };
}

/** The processes of one schedule. */
class Stage implements Theatre {
  readonly faults: Map<number, FaultKind>;
  readonly trace: Effect[] = [];
  readonly dead = new Set<number>();
  turn: Promise<unknown> = Promise.resolve();
  readonly remembered = new Map<string, unknown>();
  outageUntil = 0;
  readonly misdeeds: string[];
  readonly moveClock: (milliseconds: number) => void;
  readonly #lake: Lake & Scene;
  readonly #schedule: Schedule;
  readonly #deaths = new Map<number, () => void>();
  readonly #ended = new Set<string>();
  readonly #etags: readonly string[];
  readonly #isCalm: boolean;
  #processes = 0;
  #executions = 0;
  #nested = 0;
  #back = 0;

  constructor(
    lake: Lake & Scene,
    schedule: Schedule,
    {
      misdeeds,
      etags,
      moveClock,
    }: Pick<Theatre, 'misdeeds' | 'moveClock'> & { readonly etags: readonly string[] },
  ) {
    this.#lake = lake;
    this.#schedule = schedule;
    this.misdeeds = misdeeds;
    this.#etags = etags;
    this.#isCalm = schedule.faults.length === 0 && schedule.fullAt === undefined;
    this.moveClock = (milliseconds) => {
      this.#back -= Math.min(0, milliseconds);
      moveClock(milliseconds);
    };
    this.faults = new Map(schedule.faults.map(({ at, kind }) => [at, kind]));
  }

  endFaults(): void {
    this.faults.clear();
    // A clock that went back is set right; else what landed would stay too young for the sweeper.
    this.moveClock(this.#back);
    this.outageUntil = 0;
  }

  kill(process: number): void {
    this.dead.add(process);
    this.#deaths.get(process)?.();
  }

  /** What was asked of the disk before the process died may still come to its end. */
  async drain(): Promise<void> {
    for (let last: unknown; last !== this.turn; ) {
      last = this.turn;
      await last;
    }
  }

  /** Events in the schedule's order; the state machine after each of them, or after all. */
  async deliverAndRun(): Promise<void> {
    const { deliveries, starts, place } = this.#schedule;
    if (place === 'laptop') {
      await this.#process((services, process) => this.#workOnce(services, process));
    } else if (starts !== 'each') {
      await this.#process(async (services, process) => {
        for (const index of deliveries) {
          await this.#deliver(services, index);
          if (starts === 'turns') await this.#run(services, process).catch(() => undefined);
        }
        await this.#run(services, process);
      });
    } else {
      await Promise.all(
        deliveries.map((index) =>
          this.#process(async (services, process) => {
            await this.#deliver(services, index);
            await this.#run(services, process);
          }),
        ),
      );
    }
    if (this.#schedule.faults.length < 2) return;
    // Faults that come later in the schedule strike the sweeper.
    for (let round = 0; round < 2; round++) {
      this.moveClock(10 * MINUTE);
      await this.#process((services, process) => this.#sweep(services, process));
    }
  }

  async sweepByAnother(): Promise<void> {
    if (this.#nested === 2) return;
    this.#nested += 1;
    this.moveClock(6 * MINUTE);
    await this.#process((services, process) => this.#sweep(services, process));
    this.#nested -= 1;
  }

  async sweepToRest(): Promise<{ readonly atRest: boolean; readonly errors: readonly string[] }> {
    let errors: readonly string[] = [];
    for (let round = 0, idle = 0; round < ROUNDS; round++) {
      // Leases last seven hours: of a process that nobody can ask, the lock comes free only then.
      this.moveClock(round === 2 ? 8 * 60 * MINUTE : 10 * MINUTE);
      const report = await this.#process((services, process) => this.#sweep(services, process));
      errors = report?.failed.map(({ what, error }) => `${what}: ${describe(error)}`) ?? ['the sweeper died'];
      const isIdle =
        report !== undefined && report.found.length + report.started.length + report.failed.length === 0;
      idle = isIdle ? idle + 1 : 0;
      if (idle === (this.#schedule.knowsDead ? 2 : 4)) return { atRest: true, errors };
    }
    return { atRest: false, errors };
  }

  /** Something a process of its own does; undefined where it died or could not do it. */
  async #process<T>(deed: (services: ReturnType<typeof effectful>, process: number) => Promise<T>) {
    const process = ++this.#processes;
    const isGone = async (id: string) =>
      this.#ended.has(id) || (this.#schedule.knowsDead && this.dead.has(Number(id.split('|')[0])));
    // What intake asks for is run by whoever delivers, so that it can be repeated.
    const services = effectful(this.#lake, this, process, { isGone, start: async () => undefined });
    const died = new Promise<undefined>((resolve) => this.#deaths.set(process, () => resolve(undefined)));
    return Promise.race([deed(services, process).catch(() => undefined), died]);
  }

  /** A message that is not acknowledged comes again twice. What is acknowledged has to be on record: nobody else will tell of it. */
  async #deliver(services: ReturnType<typeof effectful>, index: number): Promise<void> {
    const message = messageOf(index, this.#etags[index] ?? '');
    for (let attempt = 0; attempt < 3; attempt++) {
      const { batchItemFailures } = await this.#intake(services, [message]);
      if (batchItemFailures.length === 0) return this.#requireOnRecord(index);
      if (this.#isCalm) this.misdeeds.push('an event was not acknowledged, and nothing was in its way');
    }
  }

  async #requireOnRecord(index: number): Promise<void> {
    const partition = partitions.objects('landing');
    const [key = ''] = FILES[index] ?? [];
    const found = await this.#lake.ledger.query({ partition, prefix: `${key}#`, limit: 1 });
    if (found.length === 0) this.misdeeds.push('an event was acknowledged before its object was on record');
  }

  /** Every event once more when all is done and landing is empty, with and without an ETag (EventBridge need not send it), beside a message that is none. */
  async deliverLate(): Promise<void> {
    const messages = FILES.flatMap((_, index) =>
      [this.#etags[index] ?? '', ''].map((etag) => messageOf(index, etag)),
    );
    const answer = await this.#process((services) =>
      this.#intake(services, [{ messageId: 'none', body: '{}' }, ...messages]),
    );
    const failed = answer?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).join();
    if (failed !== 'none') this.misdeeds.push(`of events that came late ${failed} failed instead of none`);
  }

  async #intake(
    services: ReturnType<typeof effectful>,
    messages: readonly { readonly messageId: string; readonly body: string }[],
  ): Promise<SQSBatchResponse> {
    const { landing, stores, ledger, notifier, executions } = services;
    const handler = intakeHandler({
      ports: { landing, raw: stores.raw, ledger, notifier },
      place: this.#place(),
      start: (dataset) => executions.start(dataset),
    });
    return handler({ Records: messages } as never, CONTEXT);
  }

  #place() {
    return { bucket: 'landing', own: true, route: router(this.#lake.datasets) };
  }

  async #workOnce(services: ReturnType<typeof effectful>, process: number) {
    const { landing, stores, ledger, notifier } = services;
    const start = () => this.#run(services, process);
    await work({ services, ports: { landing, raw: stores.raw, ledger, notifier }, start }, this.#place());
  }

  #sweep(services: ReturnType<typeof effectful>, process: number) {
    const { landing, stores, ledger, notifier } = services;
    const ports = { landing, raw: stores.raw, ledger, notifier };
    return sweep({ services, ports, start: () => this.#run(services, process) }, this.#place());
  }

  async #run(services: ReturnType<typeof effectful>, process: number): Promise<void> {
    const id = `${process}|${++this.#executions}`;
    const handlers = Object.fromEntries(
      Object.entries(TASKS).map(([state, task]) => [
        state,
        (input: unknown) => task(services, input as never),
      ]),
    );
    const options = {
      overrides: { taskResourceLocalHandlers: handlers, retryIntervalOverrides: AT_ONCE },
      context: { Execution: { Id: id } },
    } as unknown as Parameters<StateMachine['run']>[1];
    try {
      await machine.run({ dataset: DATASET }, options).result;
    } finally {
      this.#ended.add(id);
    }
  }
}
