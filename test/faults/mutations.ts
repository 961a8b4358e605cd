/** One known way to break Headgate: a piece of one source file, which has to occur in it once, and what takes its place. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'skips the lock',
    file: 'lib/ledger/locks.ts',
    from: 'if (!free && !(await isFree(current.body, now, executions))) return undefined;',
    to: '',
  },
  {
    name: 'takes the lock without a condition',
    file: 'lib/ledger/locks.ts',
    from: 'body: entry, ifVersion }',
    to: 'body: entry }',
  },
  {
    name: 'lets no lease end',
    file: 'lib/ledger/locks.ts',
    from: 'isOver(lock, now)',
    to: 'false',
  },
  {
    name: 'lets a run go on after its epoch',
    file: 'lib/pipeline/context.ts',
    from: 'lock === undefined || lock.epoch !== message.epoch',
    to: 'lock === undefined',
  },
  {
    name: 'keeps the lock when nothing is left to do',
    file: 'lib/pipeline/claim.ts',
    from: 'await release(services.ledger, lock);\n    // What',
    to: '// What',
  },
  {
    name: 'gives up a publication that has begun',
    file: 'lib/pipeline/claim.ts',
    from: "if (run.state === 'publishing') return",
    to: "if (run.state === 'nothing') return",
  },
  {
    name: 'closes a failed run whose publication has begun',
    file: 'lib/pipeline/endings.ts',
    from: "const begun = run.state === 'publishing' && !(await canBeGivenUp(services, run, message));",
    to: 'const begun = false;',
  },
  {
    name: 'publishes without the balance',
    file: 'lib/pipeline/verify.ts',
    from: 'requireBalance(plan, result);\n',
    to: '\n',
  },
  {
    name: 'does not mark the begin of Publish',
    file: 'lib/pipeline/publish.ts',
    from: "await save({ state: 'publishing' });",
    to: '',
  },
  {
    name: 'publishes again what is published',
    file: 'lib/pipeline/publish.ts',
    from: "if (run.state === 'published') return message;",
    to: '',
  },
  {
    name: 'drops the run id',
    file: 'lib/pipeline/publish.ts',
    from: 'runId: plan.runId,',
    to: 'runId: services.newId(),',
  },
  {
    name: 'commits a run twice',
    file: 'lib/table/commit.ts',
    from: 'const done = snapshotOfRun(table, change.runId);',
    to: 'const done = undefined;',
  },
  {
    name: 'swaps over whatever is current',
    file: 'lib/table/update.ts',
    from: 'ports.catalog.swap(table.name, table.pointer, location)',
    to: 'ports.catalog.load(table.name).then((now) => ports.catalog.swap(table.name, now ?? table.pointer, location))',
  },
  {
    name: 'takes its own swap for another one',
    file: 'lib/table/update.ts',
    from: ' || (await hasBecome(ports, table.name, location))',
    to: '',
  },
  {
    name: 'cleans up after a swap without answer',
    file: 'lib/table/update.ts',
    from: 'written.length = 0;',
    to: '',
  },
  {
    name: 'never empties landing',
    file: 'lib/ledger/files.ts',
    from: '...(own ? [settle(file)] : []),',
    to: '',
  },
  {
    name: 'forgets the object before it is removed',
    file: 'lib/pipeline/settle.ts',
    from: 'const landed = await landing.stat(file.key);',
    to: 'await settled(ledger, file); const landed = await landing.stat(file.key);',
  },
  {
    name: 'counts a changed file twice',
    file: 'lib/ledger/summary.ts',
    from: 'sum.add(before, -1)',
    to: 'sum.add(before, 0)',
  },
  {
    name: 'sweeps no waiting files',
    file: 'lib/pipeline/sweep.ts',
    from: 'await start(dataset);',
    to: '',
  },
  {
    name: 'sweeps no notices',
    file: 'lib/pipeline/sweep.ts',
    from: 'await tellOverdue(services, GRACE_MS)',
    to: 'await tellOverdue(services, 1e15)',
  },
  {
    name: 'writes no notice down with a refused file',
    file: 'lib/intake/take-in.ts',
    from: 'notice === undefined ? [] : [due(notice, file.fileId)]',
    to: '[]',
  },
  {
    name: 'strikes a notice out before it is sent',
    file: 'lib/ledger/notices.ts',
    from: 'await notifier.notify(body.notice);\n',
    to: "await ledger.transact([{ kind: 'delete', partition, sort }]); await notifier.notify(body.notice);\n",
  },
  {
    name: 'lets the older row win',
    file: 'lib/plan/winners.ts',
    from: "const beats = dedupe.keep === 'last' ? '>' : '<';\n  const pairs",
    to: "const beats = '<';\n  const pairs",
  },
  {
    name: 'writes runs without holding the lock',
    file: 'lib/pipeline/context.ts',
    from: '[holds(lock), ...beside]',
    to: 'beside',
  },
  {
    name: 'acknowledges before the ledger write',
    file: 'lib/intake/take-in.ts',
    from: "if ((await recorded) === 'conflict')",
    to: "recorded.catch(() => undefined); if ((await Promise.race([recorded, Promise.resolve('soon')]).catch(() => 'soon')) === 'conflict')",
  },
  {
    name: 'records an object without looking whether it is known',
    file: 'lib/intake/take-in-arrival.ts',
    from: 'isSame || (await isKnownObject(ports.ledger, arrival))',
    to: 'isSame',
  },
  {
    name: 'takes an object in again that it has seen',
    file: 'lib/intake/take-in.ts',
    from: 'const { seen } = version;',
    to: 'const seen = undefined as typeof version.seen;',
  },
  {
    name: 'ignores a partial batch failure',
    file: 'lambdas/intake/batch.ts',
    from: '...batchItemFailures,',
    to: '',
  },
  {
    name: 'keeps published files among the pending',
    file: 'lib/ledger/files.ts',
    from: "before.state === 'admitted' && file.state !== 'admitted'",
    to: 'false',
  },
  {
    name: 'sweeps no lost events',
    file: 'lib/pipeline/sweep.ts',
    from: 'const file = await newFile(ports, place, object);',
    to: 'const file = undefined as FileEntry | undefined;',
  },
  {
    name: 'gives up where the disk is full',
    file: 'lib/adapters/local/folder-store.ts',
    from: 'throw diskError(error, key);',
    to: "throw new TerminalError('it is full', { fault: 'headgate' });",
  },
];
