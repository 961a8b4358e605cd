import { columnTagsOf, queryEngineOf, tablesOf } from '../../lib/adapters/aws/lake.ts';
import { readEntities } from '../../lib/adapters/local/compiled-contracts.ts';
import { readMarts } from '../../lib/adapters/local/packed-marts.ts';
import { classifyEntityTables } from '../../lib/matching/classify.ts';
import { makeEntityTables } from '../../lib/matching/run.ts';
import { classifyTables } from '../../lib/pipeline/classify.ts';
import { makeTables } from '../../lib/pipeline/plan-run.ts';
import { makeLedgerTables } from '../../lib/reports/mirror.ts';
import { read } from '../environment.ts';
import { handle } from '../shared/handle.ts';
import { runServices } from '../shared/services.ts';
import { logger } from '../shared/telemetry.ts';

const settings = read(['workgroup', 'marts', 'entities', 'stage']);
const services = runServices();
const queryEngine = queryEngineOf(settings);
const tags = columnTagsOf(settings);
const { views } = readMarts(settings.marts);

/** Called by every deploy: tables, classes of columns and views follow contracts and sql/. Doing it again changes nothing; what can't be followed fails the deploy. */
export const handler = handle<unknown, { readonly tables: number; readonly views: number }>(async () => {
  for (const dataset of services.datasets) {
    await makeTables(services, dataset);
    await classifyTables(services, tags, dataset);
  }
  // Views read these and the next.
  for (const entity of readEntities(settings.entities)) {
    await makeEntityTables(services, entity);
    await classifyEntityTables(services, tags, entity);
  }
  await makeLedgerTables({ ...services, ...tablesOf(services.stores.lake) });
  for (const { name, statement } of views) {
    await queryEngine.query(statement);
    logger.info('made view', { view: name });
  }
  return { tables: services.datasets.length, views: views.length };
});
