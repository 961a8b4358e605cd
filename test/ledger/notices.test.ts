import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sqliteLedger } from '../../lib/adapters/local/sqlite-ledger.ts';
import { due, noticeId, tell, tellOverdue } from '../../lib/ledger/notices.ts';
import type { Notice } from '../../lib/ports/notifier.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('notices');
const MINUTE = 60_000;
const notice: Notice = { kind: 'run.published', dataset: 'shop/orders', title: 'published', facts: {} };
const id = noticeId(notice, 'R');

async function desk(name: string) {
  const ledger = sqliteLedger(join(folder, `${name}.db`));
  await ledger.transact([due(notice, 'R')]);
  const sent: Notice[] = [];
  let broken = false;
  let now = Date.UTC(2026, 0, 1);
  const teller = {
    ledger,
    clock: { now: () => new Date(now) },
    notifier: {
      async notify(each: Notice) {
        if (broken) throw new Error('the webhook is down');
        sent.push(each);
      },
    },
  };
  return {
    teller,
    sent,
    breakIt: (is: boolean) => {
      broken = is;
    },
    wait: (minutes: number) => {
      now += minutes * MINUTE;
    },
  };
}

test('who wrote a notice sends it, once', async () => {
  const { teller, sent, wait } = await desk('author');
  await tell(teller, id);
  await tell(teller, id);
  wait(60);
  expect(await tellOverdue(teller, 0)).toEqual([]);
  expect(sent).toEqual([notice]);
});

test('a notice of a dead process is sent by the first sweep that meets it again after the grace', async () => {
  const { teller, sent, wait } = await desk('dead');
  for (const minutes of [0, 4]) {
    wait(minutes);
    await tellOverdue(teller, 5 * MINUTE);
    expect(sent).toEqual([]);
  }
  wait(1);
  await Promise.all([tellOverdue(teller, 5 * MINUTE), tellOverdue(teller, 5 * MINUTE)]);
  await tellOverdue(teller, 5 * MINUTE);
  expect(sent).toEqual([notice]);
});

test('a notice that was met by a clock that has been set back since is sent after the grace', async () => {
  const { teller, sent, wait } = await desk('clock');
  await tellOverdue(teller, 5 * MINUTE);
  wait(-60);
  await tellOverdue(teller, 5 * MINUTE);
  await tellOverdue(teller, 5 * MINUTE);
  expect(sent).toEqual([notice]);
});

test('a notice that can not be sent stops nothing, is reported, and is sent when it can be', async () => {
  const { teller, sent, breakIt, wait } = await desk('broken');
  breakIt(true);
  await tell(teller, id);
  expect(await tellOverdue(teller, 0)).toMatchObject([{ id, error: { message: 'the webhook is down' } }]);
  breakIt(false);
  wait(5);
  expect(await tellOverdue(teller, 5 * MINUTE)).toEqual([]);
  expect(sent).toEqual([notice]);
});

test('a notice that is written again with other words while it is sent stays due', async () => {
  const { teller, sent } = await desk('again');
  const other: Notice = { ...notice, title: 'published again' };
  const slow = {
    ...teller,
    notifier: {
      async notify(each: Notice) {
        await teller.notifier.notify(each);
        await teller.ledger.transact([due(sent.length === 1 ? notice : other, 'R')]);
      },
    },
  };
  await tell(slow, id);
  await tell(teller, id);
  expect(sent).toEqual([notice]);

  await teller.ledger.transact([due(notice, 'R')]);
  await tell(slow, id);
  await tell(teller, id);
  expect(sent).toEqual([notice, notice, other]);
});
