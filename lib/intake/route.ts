import type { Dataset } from '../contract/dataset.ts';
import { compileLandingPattern, type LandingPattern } from '../contract/landing-pattern.ts';
import { TerminalError } from '../errors.ts';

export interface Route {
  readonly dataset: Dataset;
  readonly businessDate?: string;
}

export type Router = (key: string) => Route | undefined;

/** Finds a file's dataset by its key. @throws TerminalError, when called, for a key that two datasets claim */
export function router(datasets: readonly Dataset[]): Router {
  const patterns: readonly { readonly dataset: Dataset; readonly pattern: LandingPattern }[] = datasets.map(
    (dataset) => ({
      dataset,
      pattern: compileLandingPattern(dataset.landing),
    }),
  );
  return (key) => {
    const routes = patterns.flatMap(({ dataset, pattern }) => {
      const match = pattern.match(key);
      return match === undefined ? [] : [{ dataset, ...match }];
    });
    if (routes.length <= 1) return routes[0];
    const names = routes.map(({ dataset }) => `${dataset.domain}/${dataset.name}`).join(' and ');
    throw new TerminalError(`${key} matches the landing patterns of ${names}; make them distinct`, {
      fault: 'contract',
      facts: { key },
    });
  };
}

const DATE_IN_NAME = /(\d{4}-\d{2}-\d{2})/;

/** For a folder laid out otherwise: the dataset is named by a person, the business date is the first `yyyy-MM-dd` of the key. */
export const fixedRoute =
  (dataset: Dataset): Router =>
  (key) => {
    const businessDate = DATE_IN_NAME.exec(key)?.[1];
    return { dataset, ...(businessDate === undefined ? {} : { businessDate }) };
  };
