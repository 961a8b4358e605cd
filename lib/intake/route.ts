import type { Dataset } from '../contract/dataset.ts';
import { compileLandingPattern, type LandingPattern } from '../contract/landing-pattern.ts';
import { asSent, sources } from '../contract/sources.ts';

export interface Route {
  readonly kind: 'route';
  readonly dataset: Dataset;
  readonly businessDate?: string;
  /** The file set that the key belongs to, where the contract has sets. */
  readonly set?: string;
  /** The key is that of a manifest or marker, not of a member. */
  readonly control?: 'manifest' | 'marker';
}

/** `none`: no landing pattern matches the key. `ambiguous`: those of several datasets do. */
export type Routing =
  | Route
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly datasets: readonly Dataset[] };

export type Router = (key: string) => Routing;

/** Finds a file's dataset by its key. */
export function router(datasets: readonly Dataset[]): Router {
  const patterns = datasets.flatMap(sources).map((dataset) => ({
    dataset,
    pattern: compileLandingPattern(dataset.landing),
    control: controlPattern(dataset),
  }));
  return (key) => {
    const routes = patterns.flatMap(({ dataset, pattern, control }) => {
      const controls = control?.pattern.match(key);
      const match = controls ?? pattern.match(key);
      if (match === undefined) return [];
      return [inSet({ kind: 'route', dataset, ...match }, key, controls === undefined ? {} : control)];
    });
    const [route = { kind: 'none' as const }] = routes;
    return routes.length <= 1 ? route : { kind: 'ambiguous', datasets: routes.map(({ dataset }) => dataset) };
  };
}

interface Control {
  readonly kind: 'manifest' | 'marker';
  readonly pattern: LandingPattern;
}

const controlPattern = ({ fileSet }: Dataset, of = (pattern: string) => pattern): Control | undefined =>
  fileSet === undefined || fileSet.kind === 'count'
    ? undefined
    : { kind: fileSet.kind, pattern: compileLandingPattern(of(fileSet.pattern)) };

/** Files of one business date are a set; without one those of one folder. */
const inSet = (route: Route, key: string, control: Partial<Control> = {}): Route =>
  route.dataset.fileSet === undefined
    ? route
    : {
        ...route,
        set: route.businessDate ?? key.slice(0, key.lastIndexOf('/') + 1),
        ...(control.kind === undefined ? {} : { control: control.kind }),
      };

const DATE_IN_NAME = /(\d{4}-\d{2}-\d{2})/;

/** For a folder laid out otherwise: the dataset is named by a person, the business date is the first `yyyy-MM-dd` of the key. */
export function fixedRoute(dataset: Dataset): Router {
  const control = controlPattern(dataset, lastPart);
  return (key) => {
    const businessDate = DATE_IN_NAME.exec(key)?.[1];
    const route = {
      kind: 'route',
      dataset: asSent(dataset, key),
      ...(businessDate === undefined ? {} : { businessDate }),
    } as const;
    return inSet(route, key, control?.pattern.match(lastPart(key)) === undefined ? {} : control);
  };
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
