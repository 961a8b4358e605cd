import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readEntities } from '../../lib/adapters/local/contracts.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { stagedMatcher } from '../../lib/adapters/local/staged-matcher.ts';
import type { Entity } from '../../lib/contract/entity.ts';
import { MatchWaiting, TerminalError, TransientError } from '../../lib/errors.ts';
import { MATCH_PREFIX } from '../../lib/matching/places.ts';
import { linkJob } from '../../lib/matching/settings.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('staged-matcher');
const entity = readEntities(join(ROOT, 'contracts/customers'))[0] as Entity;
const waits = new MatchWaiting('the job compares', { fault: 'headgate' });
const trouble = new TransientError('S3 answered SlowDown', { fault: 'headgate' });

/** A job that does what the test says at each call; `isUnknown` where it can't be asked for, `after` is what happens once its answer has been read. */
function staged(name: string) {
  const vault = folderStore(join(folder, name, 'vault'));
  const lake = folderStore(join(folder, name, 'lake'));
  let job: TransientError | undefined;
  let launched = 0;
  let broken = false;
  let isUnknown = false;
  let answersNow = false;
  const answer = () => {
    const at = join(vault.root, MATCH_PREFIX, 'customers/customers/k/answer.json');
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, JSON.stringify({ pairs: 0, attempt: 'a', untrained: [], model: {}, seconds: {} }));
  };
  const lakeNow = { ...lake, read: (key: string) => (broken ? failing() : lake.read(key)) };
  const matcher = stagedMatcher({
    stores: { lake: lakeNow, vault },
    scratch: join(folder, name, 'scratch'),
    launch: async () => {
      launched += 1;
      if (job instanceof MatchWaiting || isUnknown) throw job;
      if (answersNow) answer();
      return job;
    },
  });
  return {
    launched: () => launched,
    call: (now: {
      job?: TransientError;
      isUnknown?: true;
      answersNow?: true;
      lakeIsBroken?: true;
      after?: Error;
    }) => {
      job = now.job;
      broken = now.lakeIsBroken === true;
      isUnknown = now.isUnknown === true;
      answersNow = now.answersNow === true;
      const files = [`${lake.root}/customers/crm/data/a.parquet`];
      return matcher.open({ entity: 'customers/customers', key: 'k', files }, async (workshop) => {
        const { pairs } = await workshop.link('SELECT 1 AS n', (places) => linkJob(entity, places));
        if (now.after !== undefined) throw now.after;
        return pairs;
      });
    },
    start: () => lake.write('customers/crm/data/a.parquet', Buffer.from('of no account')),
    answer,
    left: async () => {
      const names: string[] = [];
      for await (const { key } of vault.list(MATCH_PREFIX)) names.push(key.slice(key.lastIndexOf('/') + 1));
      return names.sort();
    },
  };
}

// biome-ignore lint/correctness/useYield: a store that fails at the first byte
async function* failing(): AsyncGenerator<Uint8Array> {
  throw trouble;
}

test('an answer stays until the work with it is done: a call that had bad luck behind it does not lose it', async () => {
  const place = staged('answered');
  await place.start();
  await expect(place.call({ job: waits })).rejects.toThrow(waits);
  place.answer();
  await expect(place.call({ after: trouble })).rejects.toThrow(trouble);
  expect(await place.call({})).toBe(0);
  expect(place.launched()).toBe(1);
  expect(await place.left()).toEqual([]);
});

test('a job that ends while it is asked for has answered', async () => {
  const place = staged('meanwhile');
  await place.start();
  expect(await place.call({ job: trouble, answersNow: true })).toBe(0);
});

test('bad luck of a call takes nothing from the job that reads', async () => {
  const place = staged('reading');
  await place.start();
  await expect(place.call({ job: waits })).rejects.toThrow(waits);
  await expect(place.call({ lakeIsBroken: true })).rejects.toThrow(trouble);
  await expect(place.call({ job: trouble, isUnknown: true })).rejects.toThrow(trouble);
  expect(await place.left()).toEqual(['job.json', 'records.parquet']);
});

test.each([
  ['a job that failed', { job: trouble }],
  ['work that can not succeed', { after: new TerminalError('nothing helps', { fault: 'contract' }) }],
])('%s leaves nothing in clear', async (what, how) => {
  const place = staged(what);
  await place.start();
  if ('after' in how) place.answer();
  await expect(place.call(how)).rejects.toThrow();
  expect(await place.left()).toEqual([]);
});
