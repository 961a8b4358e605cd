import { describe, expect, test } from '@jest/globals';
import { ConflictError } from '../../lib/errors.ts';
import type { ManifestEntry } from '../../lib/intake/manifest.ts';
import { waitingForSet } from '../../lib/intake/take-in.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { changeFiles, fileOf, recordFile } from '../../lib/ledger/files.ts';
import { acquire, holds, release } from '../../lib/ledger/locks.ts';
import { tellOverdue } from '../../lib/ledger/notices.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import type { Notice } from '../../lib/ports/notifier.ts';
import { openSetsOf, type SetDataset, settleSets, tellOfIncompleteSets } from '../../lib/sets/sets.ts';

const dataset = {
  domain: 'shop',
  name: 'items',
  fileSet: { kind: 'manifest', pattern: 'm', deadlineHours: 24 },
} as unknown as SetDataset;
const ID = 'shop/items';

/** `at`: minute of its receipt, which makes its version. */
function file(set: string, name: string, at = 1, change: Partial<FileEntry> = {}): FileEntry {
  const receivedAt = new Date(Date.UTC(2026, 0, 31, 6, at)).toISOString();
  const fileId = `${set}.${receivedAt.replaceAll(/[-:.]/g, '')}.${name}`;
  const entry: FileEntry = {
    fileId,
    dataset: ID,
    bucket: 'landing',
    key: `${set}/${name}`,
    etag: `${name}${at}`,
    sha256: `${set}${name}${at}`,
    bytes: at,
    receivedAt,
    state: 'admitted',
    reasons: [],
    counts: { received: at, published: 0, quarantined: 0, deduplicated: 0 },
    checks: {},
    rawKey: fileId,
    rawEtag: '',
    fields: [],
    profile: null,
    judgedBy: '',
    set,
    ...change,
  };
  return entry.state === 'admitted' ? waitingForSet(entry) : entry;
}

const manifest = (set: string, profile: readonly ManifestEntry[], at = 1): FileEntry =>
  file(set, 'manifest.json', at, { state: 'control', control: 'manifest', profile });

/** What every ledger must let file sets do. */
export function describeFileSets(name: string, make: () => Ledger): void {
  const clock = { now: () => new Date('2026-01-31T07:00:00Z') };
  const executions = { isGone: async () => false };
  const notifier = { notify: async () => undefined };
  const record = (ledger: Ledger, entry: FileEntry) =>
    recordFile(ledger, entry, { own: true, contentVersion: 0, object: { seen: undefined, last: undefined } });
  const lockOn = async (ledger: Ledger) => {
    const lock = await acquire({ ledger, clock, executions }, { dataset: ID, runId: 'R', owner: 'o' });
    if (lock === undefined) throw new Error('the lock is taken');
    return lock;
  };
  const settle = async (ledger: Ledger) =>
    settleSets({ ledger, notifier, clock }, dataset, [holds(await lockOn(ledger))]);
  const takes = async (ledger: Ledger) => (await openSetsOf(ledger, dataset)).map(({ take }) => take);

  describe(`file sets: ${name}`, () => {
    test('a set is complete whatever the order of its files, and when all come at once', async () => {
      const ledger = make();
      const orders = ['abm', 'amb', 'bam', 'bma', 'mab', 'mba'];
      const named = [
        { name: 'a', records: 1 },
        { name: 'b', bytes: 1 },
      ];
      const of = (set: string, letter: string) => (letter === 'm' ? manifest(set, named) : file(set, letter));
      for (const order of orders) {
        for (const [index, letter] of [...order].entries()) {
          const verdict = (await openSetsOf(ledger, dataset)).find(({ set }) => set === order);
          expect(verdict?.take ?? []).toEqual([]);
          if (index > 0) expect(verdict).toMatchObject({ state: 'incomplete', since: expect.any(String) });
          expect(await record(ledger, of(order, letter))).toBe('done');
        }
      }
      await Promise.all([...'abm'].map((letter) => record(ledger, of('zzz', letter))));
      await settle(ledger);
      expect(await takes(ledger)).toEqual(
        [...orders, 'zzz'].map((set) => [file(set, 'a').fileId, file(set, 'b').fileId]),
      );
    });

    test('a corrected member takes the place of the one that waits, a refused one brings its set back', async () => {
      const ledger = make();
      const [old, bad, good] = [file('s', 'a', 1), file('s', 'a', 2), file('s', 'a', 3)];
      for (const entry of [
        old,
        bad,
        file('s', 'b'),
        manifest('s', [{ name: 'a', records: 3 }, { name: 'b' }]),
      ])
        await record(ledger, entry);
      await settle(ledger);
      const states = async () =>
        Promise.all(
          [old, bad, file('s', 'b')].map(async ({ fileId }) => {
            const now = await fileOf(ledger, ID, fileId);
            return [now?.state, ...(now?.reasons ?? []).map(({ code }) => code)].join(' ');
          }),
        );
      expect(await states()).toEqual([
        'superseded',
        'quarantined file.control_total',
        'quarantined file.set_refused',
      ]);
      await settle(ledger);
      expect(await takes(ledger)).toEqual([]);
      await record(ledger, good);
      await settle(ledger);
      expect(await takes(ledger)).toEqual([[file('s', 'b').fileId, good.fileId].sort()]);
      expect((await states())[2]).toBe('admitted file.incomplete_set');
      const published = await changeFiles(ledger, ID, [good.fileId, file('s', 'b').fileId], (now) => ({
        ...now,
        state: 'published',
        reasons: [],
      }));
      expect(published.map(({ state }) => state)).toEqual(['published', 'published']);
      expect(await openSetsOf(ledger, dataset)).toEqual([]);
    });

    test('only the holder of the lock decides', async () => {
      const ledger = make();
      const stale = await lockOn(ledger);
      await release(ledger, stale);
      for (const entry of [file('s', 'a', 1), file('s', 'a', 2)]) await record(ledger, entry);
      await expect(settleSets({ ledger, notifier, clock }, dataset, [holds(stale)])).rejects.toBeInstanceOf(
        ConflictError,
      );
      expect((await fileOf(ledger, ID, file('s', 'a', 1).fileId))?.state).toBe('admitted');
    });

    test('people are told of an incomplete set once, by whichever of ten that look at the same time', async () => {
      const ledger = make();
      await record(ledger, file('s', 'a', 1));
      const told: string[] = [];
      const late = { now: () => new Date('2026-03-01T00:00:00Z') };
      const ports = {
        ledger,
        clock: late,
        notifier: { notify: async ({ kind }: Notice) => void told.push(kind) },
      };
      const look = () => tellOfIncompleteSets(ports, dataset);
      const answers = await Promise.all(Array.from({ length: 10 }, look));
      expect([told, answers.flat(), await look()]).toEqual([['set.incomplete'], ['s'], []]);
      expect(await tellOverdue(ports, 0)).toEqual([]);
      expect(told).toHaveLength(1);
    });

    test('what could not be said of a set stays due, and is said once', async () => {
      const ledger = make();
      await record(ledger, file('s', 'a', 1));
      const late = { now: () => new Date('2026-03-01T00:00:00Z') };
      const deaf = { notify: () => Promise.reject(new Error('no network')) };
      expect(await tellOfIncompleteSets({ ledger, clock: late, notifier: deaf }, dataset)).toEqual(['s']);
      const told: string[] = [];
      const ports = {
        ledger,
        clock: late,
        notifier: { notify: async ({ kind }: Notice) => void told.push(kind) },
      };
      await tellOverdue(ports, 0);
      await tellOverdue(ports, 0);
      expect(told).toEqual(['set.incomplete']);
    });

    test('people are told of a refused set once, wherever the process dies', async () => {
      let deaths = 0;
      for (let through = false, at = 1; !through; at++) {
        const ledger = make();
        const wrong = [{ name: 'a', records: 7 }, { name: 'b' }];
        for (const entry of [file('s', 'a', 1), file('s', 'b', 2), manifest('s', wrong, 3)])
          await record(ledger, entry);
        const told: string[] = [];
        const ports = {
          ledger,
          clock,
          notifier: { notify: async ({ kind }: Notice) => void told.push(kind) },
        };
        const lock = await lockOn(ledger);
        let writes = 0;
        const dying: Ledger = {
          ...ledger,
          transact: async (all) => {
            // Dying between sending and noting it, of which nobody can know, is not looked at here.
            const notesSending = all.some((write) => write.kind === 'delete' && write.partition === 'notice');
            if (!notesSending && ++writes === at) throw new Error('killed');
            return ledger.transact(all);
          },
        };
        const first = settleSets({ ...ports, ledger: dying }, dataset, [holds(lock)]);
        through = await first.then(() => true).catch(() => false);
        deaths += through ? 0 : 1;
        await settleSets(ports, dataset, [holds(lock)]);
        await tellOverdue(ports, 0);
        expect({ at, told }).toEqual({ at, told: ['file.quarantined'] });
        const states = await Promise.all(
          [file('s', 'a', 1), file('s', 'b', 2)].map(({ fileId }) => fileOf(ledger, ID, fileId)),
        );
        expect(states.map((each) => each?.state)).toEqual(['quarantined', 'quarantined']);
      }
      expect(deaths).toBeGreaterThanOrEqual(3);
    });
  });
}
