import type { Dataset } from '../contract/dataset.ts';
import { compileLandingPattern, type LandingPattern } from '../contract/landing-pattern.ts';
import { asSent, sources } from '../contract/sources.ts';

export interface Route {
  readonly kind: 'route';
  readonly dataset: Dataset;
  readonly businessDate?: string;
}

/** `none`: no landing pattern matches the key. `ambiguous`: those of several datasets do. */
export type Routing =
  | Route
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly datasets: readonly Dataset[] };

export type Router = (key: string) => Routing;

/** Sources and their tools (rsync, browsers) give a file a name that starts with a dot until it is whole: it has not landed yet. */
export const isUnfinished = (key: string): boolean => key.split('/').some((part) => part.startsWith('.'));

/** Finds a file's dataset by its key. */
export function router(datasets: readonly Dataset[]): Router {
  const patterns: readonly { readonly dataset: Dataset; readonly pattern: LandingPattern }[] = datasets
    .flatMap(sources)
    .map((dataset) => ({
      dataset,
      pattern: compileLandingPattern(dataset.landing),
    }));
  return (key) => {
    const routes = patterns.flatMap(({ dataset, pattern }) => {
      const match = pattern.match(key);
      return match === undefined ? [] : [{ kind: 'route' as const, dataset, ...match }];
    });
    const [route = { kind: 'none' as const }] = routes;
    return routes.length <= 1 ? route : { kind: 'ambiguous', datasets: routes.map(({ dataset }) => dataset) };
  };
}

const DATE_IN_NAME = /(\d{4}-\d{2}-\d{2})/;

/** For a folder laid out otherwise: the dataset is named by a person, the business date is the first `yyyy-MM-dd` of the key. */
export const fixedRoute =
  (dataset: Dataset): Router =>
  (key) => {
    const businessDate = DATE_IN_NAME.exec(key)?.[1];
    return {
      kind: 'route',
      dataset: asSent(dataset, key),
      ...(businessDate === undefined ? {} : { businessDate }),
    };
  };
