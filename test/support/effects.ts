import type { Lake } from '../../lib/adapters/local/lake.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';

/** Every store of a lake in a wrapping, by its name. */
export function eachStore(
  { landing, stores }: Pick<Lake, 'stores' | 'landing'>,
  wrap: (name: string, inner: ObjectStore) => ObjectStore,
): Pick<Lake, 'stores' | 'landing'> {
  return {
    landing: wrap('landing', landing),
    stores: {
      raw: wrap('raw', stores.raw),
      lake: wrap('lake', stores.lake),
      vault: wrap('vault', stores.vault),
      results: wrap('results', stores.results),
    },
  };
}

/** Called before every effect on a store, the ledger, the catalogue or the engine, with what is about to happen. */
export type BeforeEffect = (effect: string) => void;

/** The same lake, announcing everything that it changes. */
export function announcing(lake: Lake, before: BeforeEffect): Lake {
  const store = (name: string, inner: ObjectStore): ObjectStore => ({
    ...inner,
    write(key, body, condition) {
      before(`${name}: write`);
      return inner.write(key, body, condition);
    },
    remove(key, etag) {
      before(`${name}: remove`);
      return inner.remove(key, etag);
    },
  });
  return {
    ...lake,
    ...eachStore(lake, store),
    ledger: {
      ...lake.ledger,
      transact(writes) {
        before(`ledger: ${writes.map(({ partition }) => partition.replace(/#.*/, '')).join(' ')}`);
        return lake.ledger.transact(writes);
      },
    },
    catalog: {
      ...lake.catalog,
      create(table, location) {
        before('catalog: create');
        return lake.catalog.create(table, location);
      },
      swap(table, expected, location) {
        before('catalog: swap');
        return lake.catalog.swap(table, expected, location);
      },
    },
    engine: {
      execute(plan) {
        before('engine: execute');
        return lake.engine.execute(plan);
      },
    },
  };
}
