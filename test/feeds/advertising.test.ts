import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import { type FileRow, headgate, json, ROOT, SHARED } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('advertising');
const REAL = join(SHARED, 'data/advertisex');
const SAMPLES = join(ROOT, 'samples/advertising');
const DAY = '2024-03-20';

type Row = Record<string, string | null>;

const command = (home: string, ...args: readonly string[]) => headgate(['--home', home, ...args]);
const ask = async (home: string, sql: string) => json<Row[]>(await command(home, 'query', sql, '--json'));
const put = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** Another reader and another way to count: DuckDB over the raw files, each pair of campaign and user looked up in each side. */
async function countedApart(creatives: string): Promise<Row[]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const reader = await connection.runAndReadAll(`
    WITH versions AS (SELECT * FROM read_csv('${creatives}', all_varchar = true)),
    impressions AS (
      SELECT DISTINCT i.*, (SELECT v.campaign_id FROM versions v WHERE v.creative_id = i.ad_creative_id AND v.changed_at <= i."timestamp" ORDER BY v.changed_at DESC LIMIT 1) AS campaign_id
      FROM read_json('${REAL}/ad_impressions.json', columns = {ad_creative_id: 'VARCHAR', user_id: 'VARCHAR', "timestamp": 'VARCHAR', website: 'VARCHAR'}) AS i
    ),
    events AS (SELECT DISTINCT * FROM read_csv('${REAL}/clicks_conversions.csv', all_varchar = true)),
    pairs AS (SELECT campaign_id, user_id FROM impressions UNION SELECT campaign_id, user_id FROM events),
    numbers AS (
      SELECT p.campaign_id, p.user_id,
        (SELECT count(*) FROM impressions i WHERE i.campaign_id = p.campaign_id AND i.user_id = p.user_id) AS impressions,
        (SELECT count(*) FROM events e WHERE e.campaign_id = p.campaign_id AND e.user_id = p.user_id AND e.event_type = 'click') AS clicks,
        (SELECT count(*) FROM events e WHERE e.campaign_id = p.campaign_id AND e.user_id = p.user_id AND e.event_type = 'conversion') AS conversions
      FROM pairs p
    )
    SELECT campaign_id, user_id, impressions::VARCHAR AS impressions, clicks::VARCHAR AS clicks, conversions::VARCHAR AS conversions,
      coalesce(round(clicks * 100 / nullif(impressions, 0), 2), 0) AS click_through_rate, coalesce(round(conversions * 100 / nullif(clicks, 0), 2), 0) AS conversion_rate
    FROM numbers ORDER BY 1, 2`);
  const rows = reader.getRowObjects() as Row[];
  connection.closeSync();
  return rows.map((row) => ({
    ...row,
    click_through_rate: String(row.click_through_rate),
    conversion_rate: String(row.conversion_rate),
  }));
}

/** No creatives come with the real files: each one moves to the next of the 20 campaigns in the middle of the impressions. */
const madeUpCreatives = (): string =>
  [
    'creative_id,campaign_id,title,changed_at',
    ...Array.from(
      { length: 100 },
      (_, index) => `creative_${index},campaign_${index % 20},t,2024-01-01T00:00:00.000000`,
    ),
    ...Array.from(
      { length: 100 },
      (_, index) => `creative_${index},campaign_${(index + 1) % 20},t,2024-03-20T17:21:29.454870`,
    ),
    '',
  ].join('\n');

describe('advertisex', () => {
  const home = join(folder, 'real');
  const landing = join(home, 'landing/advertising');
  const creatives = join(folder, 'creatives.csv');

  test('every real record is published, and the campaigns are what the raw files say', async () => {
    for (const [file, feed] of [
      ['ad_impressions.json', 'impressions'],
      ['clicks_conversions.csv', 'clicks_conversions'],
      ['bid_requests.avro', 'bid_requests'],
    ] as const)
      cpSync(join(REAL, file), join(landing, feed, DAY, file), { recursive: true });
    put(creatives, madeUpCreatives());
    cpSync(creatives, join(landing, 'creatives', DAY, 'creatives.csv'), { recursive: true });
    const run = await command(home, 'run', '--json');
    expect(run.code).toBe(0);
    // SOURCE.md of advertisex counts 100 distinct records in each.
    expect(
      json<FileRow[]>(run).map(({ file, received, published }) => [file.split('/')[1], received, published]),
    ).toEqual([
      ['bid_requests', 100, 100],
      ['clicks_conversions', 100, 100],
      ['creatives', 200, 200],
      ['impressions', 100, 100],
    ]);
    const marts = await ask(home, 'SELECT * FROM advertising_marts.campaign_performance');
    const apart = await countedApart(creatives);
    expect(marts).toEqual(apart);
    expect(marts.length).toBeGreaterThan(150);
    const total = (name: string) => marts.reduce((sum, row) => sum + Number(row[name]), 0);
    expect([total('impressions'), total('clicks'), total('conversions')]).toEqual([100, 50, 50]);
    expect(
      await ask(
        home,
        'SELECT count(*) AS n FROM advertising.bid_requests WHERE ad_targeting LIKE \'{"age":%\'',
      ),
    ).toEqual([{ n: '100' }]);
  });

  test('a batch at 95 percent is refused: it stands in the archive with score and failing checks, its file is kept', async () => {
    const lines = Array.from(
      { length: 100 },
      (_, index) =>
        `2024-03-21T00:00:00.${String(index).padStart(6, '0')},user_1,campaign_1,${index % 20 === 0 ? 'clik' : 'click'}`,
    );
    put(
      join(landing, 'clicks_conversions/2024-03-21/bad.csv'),
      ['timestamp,user_id,campaign_id,event_type', ...lines, ''].join('\n'),
    );
    expect((await command(home, 'run')).code).toBe(3);
    expect(await ask(home, 'SELECT count(*) AS n FROM advertising.clicks_conversions')).toEqual([
      { n: '100' },
    ]);
    const [held] = json<Record<string, string>[]>(await command(home, 'hold', 'list', '--json'));
    expect(held).toMatchObject({ dataset: 'advertising/clicks_conversions', score: '95.00' });
    const archived = { score: 95, received: 100, failing: { 'rule.known_event_type': 5 } };
    const show = async () =>
      json<{ files: { kept: string }[] }>(await command(home, 'hold', 'show', held?.run ?? '', '--json'));
    const waiting = await show();
    expect(waiting).toMatchObject({ ...archived, state: 'held' });
    expect(existsSync(join(home, 'raw', waiting.files[0]?.kept ?? '?'))).toBe(true);
    const key = 'advertising/clicks_conversions/2024-03-21/bad.csv';
    expect((await command(home, 'quarantine', 'show', key)).stdout).toMatch(
      new RegExp(`^batch.score: .*npx headgate hold show ${held?.run}\n$`, 's'),
    );
    // Its file lies in landing until somebody decides: nothing to run, and no finding.
    expect(existsSync(join(landing, 'clicks_conversions/2024-03-21/bad.csv'))).toBe(true);
    expect(json(await command(home, 'doctor', '--json'))).toEqual([]);
    const asked = await command(home, 'hold', 'reject', held?.run ?? '');
    expect([asked.code, asked.stderr]).toEqual([
      1,
      expect.stringMatching(/files that were held.*nobody can be asked/s),
    ]);
    expect((await command(home, 'hold', 'reject', held?.run ?? '', '--yes')).code).toBe(0);
    expect(await show()).toMatchObject({ ...archived, state: 'rejected' });
    const [refused] = await ask(
      home,
      "SELECT state, quarantined, reasons FROM headgate.files WHERE key LIKE '%bad.csv'",
    );
    expect(refused).toMatchObject({ state: 'quarantined', quarantined: '100' });
    expect(refused?.reasons).toContain(
      'quality score 95.00, published is what is above 95; failing: rule.known_event_type 5',
    );
  });

  test('a batch above 95 percent is published', async () => {
    const lines = Array.from(
      { length: 100 },
      (_, index) =>
        `2024-03-22T00:00:00.${String(index).padStart(6, '0')},user_1,campaign_1,${index % 25 === 0 ? 'clik' : 'click'}`,
    );
    put(
      join(landing, 'clicks_conversions/2024-03-22/good.csv'),
      ['timestamp,user_id,campaign_id,event_type', ...lines, ''].join('\n'),
    );
    expect((await command(home, 'run')).code).toBe(3);
    expect(await ask(home, 'SELECT count(*) AS n FROM advertising.clicks_conversions')).toEqual([
      { n: '196' },
    ]);
  });
});

describe('the history of the sample creatives', () => {
  const home = join(folder, 'samples');
  const dataset = 'advertising/creatives';
  const land = async (day: string) => {
    cpSync(join(SAMPLES, 'creatives', day), join(home, 'landing', dataset, day), { recursive: true });
    return (await command(home, 'run')).code;
  };
  const versions = async () =>
    (
      await ask(
        home,
        'SELECT creative_id, campaign_id, substr(CAST(effective_from AS varchar), 1, 10) AS f, substr(CAST(effective_to AS varchar), 1, 10) AS t, is_current FROM advertising.creatives ORDER BY 1, 3',
      )
    ).map((row) => Object.values(row).join(' '));
  const before = [
    'creative_1 campaign_1 2026-01-01  true',
    'creative_2 campaign_1 2026-01-01  true',
    'creative_3 campaign_2 2026-01-01  true',
    'creative_4 campaign_3 2026-01-01  true',
  ];
  const after = [
    'creative_1 campaign_1 2026-01-01  true',
    'creative_2 campaign_1 2026-01-01 2026-01-10 false',
    'creative_2 campaign_2 2026-01-10  true',
    'creative_3 campaign_4 2025-12-15 2026-01-01 false',
    'creative_3 campaign_2 2026-01-01  true',
    'creative_4 campaign_3 2026-01-01  true',
    'creative_5 campaign_3 2026-01-12  true',
  ];

  test('grows by changes only, also by late ones', async () => {
    expect(await land('2026-01-02')).toBe(0);
    expect(await versions()).toEqual(before);
    expect(await land('2026-01-20')).toBe(0);
    expect(await versions()).toEqual(after);
  });

  test('is rolled back, replayed, and corrected by another file', async () => {
    const snapshots = json<{ snapshot: string }[]>(await command(home, 'snapshots', dataset, '--json'));
    const first = snapshots[0]?.snapshot ?? '';
    expect((await command(home, 'rollback', dataset, '--to', first, '--yes')).code).toBe(0);
    expect(await versions()).toEqual(before);
    const late = 'advertising/creatives/2026-01-20/creatives.csv';
    expect((await command(home, 'replay', late, '--yes')).code).toBe(0);
    expect(await versions()).toEqual(after);
    expect((await command(home, 'compact', dataset, '--yes')).code).toBe(0);
    expect(await versions()).toEqual(after);
    const corrected = join(folder, 'corrected.csv');
    put(
      corrected,
      'creative_id,campaign_id,title,changed_at\ncreative_2,campaign_9,Spring sale (square),2026-01-10T00:00:00Z\n',
    );
    expect((await command(home, 'replay', late, '--with', corrected, '--yes')).code).toBe(0);
    expect(await versions()).toEqual([
      ...before.slice(0, 1),
      'creative_2 campaign_1 2026-01-01 2026-01-10 false',
      'creative_2 campaign_9 2026-01-10  true',
      ...before.slice(2),
    ]);
    expect(
      await ask(
        home,
        'SELECT count(*) AS n FROM headgate.files WHERE received <> published + quarantined + deduplicated',
      ),
    ).toEqual([{ n: '0' }]);
  });
});
