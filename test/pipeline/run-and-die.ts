// Runs as `headgate run` does and kills its own process, as a power cut would, at one boundary.
import { join } from 'node:path';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import type { Services } from '../../lib/pipeline/services.ts';
import { work } from '../../lib/pipeline/work.ts';

const [home = '', boundary = ''] = process.argv.slice(2);
const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
};

const lake = openLake({
  home,
  contracts: join(import.meta.dirname, '../../contracts'),
  notifier: { notify: async () => undefined },
});
let swaps = 0;
const services: Services = {
  ...lake,
  engine: {
    name: 'duckdb',
    async execute(plan) {
      if (boundary === 'execute') setTimeout(die, 30);
      const result = await lake.engine.execute(plan);
      return boundary === 'after execute' ? die() : result;
    },
  },
  catalog: {
    ...lake.catalog,
    async swap(table, expected, location) {
      swaps++;
      if (boundary === 'before commit' && swaps === 1) die();
      if (boundary === 'between commits' && swaps === 2) die();
      const answer = await lake.catalog.swap(table, expected, location);
      if (boundary === 'before ledger' && swaps === 2) die();
      return answer;
    },
  },
};
await work(
  {
    services,
    ports: { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier },
    start: (dataset) => runStateMachine(services, dataset),
  },
  { bucket: 'landing', own: true, route: router(lake.datasets) },
);
