/** One known way to break Headgate: a piece of one source file of lib, which has to occur in it once, and what takes its place. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'skips the lock',
    file: 'ledger/locks.ts',
    from: 'if (!free && !(await isFree(current.body, now, executions))) return undefined;',
    to: '',
  },
  {
    name: 'takes the lock without a condition',
    file: 'ledger/locks.ts',
    from: 'body: entry, ifVersion }',
    to: 'body: entry }',
  },
  {
    name: 'lets no lease end',
    file: 'ledger/locks.ts',
    from: 'lock.leaseUntil <= now.toISOString()',
    to: 'false',
  },
  {
    name: 'lets a run go on after its epoch',
    file: 'pipeline/context.ts',
    from: 'lock === undefined || lock.epoch !== message.epoch',
    to: 'lock === undefined',
  },
  {
    name: 'keeps the lock when nothing is left to do',
    file: 'pipeline/claim.ts',
    from: 'await release(services.ledger, lock);\n    // What',
    to: '// What',
  },
  {
    name: 'gives up a publication that has begun',
    file: 'pipeline/claim.ts',
    from: "if (run.state === 'publishing') return",
    to: "if (run.state === 'nothing') return",
  },
  {
    name: 'closes a failed run whose publication has begun',
    file: 'pipeline/endings.ts',
    from: "const begun = run.state === 'publishing' && !(await canBeGivenUp(services, run, message));",
    to: 'const begun = false;',
  },
  {
    name: 'publishes without the balance',
    file: 'pipeline/verify.ts',
    from: 'requireBalance(plan, result);\n',
    to: '\n',
  },
  {
    name: 'does not mark the begin of Publish',
    file: 'pipeline/publish.ts',
    from: "await save({ state: 'publishing' });",
    to: '',
  },
  {
    name: 'publishes again what is published',
    file: 'pipeline/publish.ts',
    from: "if (run.state === 'published') return message;",
    to: '',
  },
  {
    name: 'drops the run id',
    file: 'pipeline/publish.ts',
    from: 'runId: plan.runId,',
    to: 'runId: services.newId(),',
  },
  {
    name: 'commits a run twice',
    file: 'table/commit.ts',
    from: 'const done = snapshotOfRun(table, change.runId);',
    to: 'const done = undefined;',
  },
  {
    name: 'swaps over whatever is current',
    file: 'table/update.ts',
    from: 'ports.catalog.swap(table.name, table.pointer, location)',
    to: 'ports.catalog.load(table.name).then((now) => ports.catalog.swap(table.name, now ?? table.pointer, location))',
  },
  {
    name: 'takes its own swap for another one',
    file: 'table/update.ts',
    from: ' || (await hasBecome(ports, table.name, location))',
    to: '',
  },
  {
    name: 'cleans up after a swap without answer',
    file: 'table/update.ts',
    from: 'written.length = 0;',
    to: '',
  },
  { name: 'never empties landing', file: 'ledger/files.ts', from: '...(own ? [settle(file)] : []),', to: '' },
  {
    name: 'forgets the object before it is removed',
    file: 'pipeline/settle.ts',
    from: 'const landed = await landing.stat(file.key);',
    to: 'await settled(ledger, file); const landed = await landing.stat(file.key);',
  },
  {
    name: 'counts a changed file twice',
    file: 'ledger/summary.ts',
    from: 'sum.add(before, -1)',
    to: 'sum.add(before, 0)',
  },
  { name: 'sweeps no waiting files', file: 'pipeline/sweep.ts', from: 'await start(body.dataset);', to: '' },
  {
    name: 'sweeps no notices',
    file: 'pipeline/sweep.ts',
    from: 'await tellOverdue(services, GRACE_MS)',
    to: 'await tellOverdue(services, 1e15)',
  },
  {
    name: 'writes no notice down with a refused file',
    file: 'intake/take-in.ts',
    from: 'notice === undefined ? [] : [due(notice, file.fileId)]',
    to: '[]',
  },
  {
    name: 'strikes a notice out before it is sent',
    file: 'ledger/notices.ts',
    from: "await notifier.notify(body.notice);\n  await ledger.transact([{ kind: 'delete', partition: partitions.notices, sort }]);",
    to: "await ledger.transact([{ kind: 'delete', partition: partitions.notices, sort }]); await notifier.notify(body.notice);",
  },
  {
    name: 'lets the older row win',
    file: 'plan/winners.ts',
    from: "const beats = dedupe.keep === 'last' ? '>' : '<';\n  const pairs",
    to: "const beats = '<';\n  const pairs",
  },
];
