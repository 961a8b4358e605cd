import type { Comparison, Entity } from '../contract/entity.ts';

/** Of the Python package `splink`; a test holds it against the lists of requirements. */
export const SPLINK_VERSION = '5.0.0';
export const LINK_JOB_VERSION = 1;

/** Column of a field in the table that Splink reads: never a reserved word, so that one document needs no dialect's quotes. */
export const clearColumn = (field: string): string => `v_${field}`;
/** Splink's own column for the level that two records reach. */
export const levelColumn = (field: string): string => `gamma_${clearColumn(field)}`;

interface Level {
  readonly sql_condition: string;
  readonly label_for_charts: string;
  readonly is_null_level?: true;
  readonly tf_adjustment_column?: string;
  readonly tf_adjustment_weight?: number;
}

/** Splink's settings (https://moj-analytical-services.github.io/splink/api_docs/settings_dict_guide.html) without `sql_dialect`: every statement means the same to DuckDB and to Spark. */
export interface SplinkSettings {
  readonly link_type: 'dedupe_only';
  readonly unique_id_column_name: 'n';
  readonly comparisons: readonly {
    readonly output_column_name: string;
    readonly comparison_levels: readonly Level[];
  }[];
  readonly blocking_rules_to_generate_predictions: readonly { readonly blocking_rule: string }[];
  /** Without it Splink does not tell levels either; values are dropped before pairs are written. */
  readonly retain_matching_columns: true;
  readonly retain_intermediate_calculation_columns: false;
}

/** What `glue-scripts/match_records.py` does: learn from the records, then compare them. */
export interface LinkJob {
  readonly version: number;
  readonly splink: string;
  /** Address of a Parquet file: `n`, and a text column by field. */
  readonly records: string;
  /** Folder for Parquet files of pairs. */
  readonly pairs: string;
  /** Address of the answer. */
  readonly answer: string;
  readonly settings: SplinkSettings;
  /** Lists of columns that m is learnt on, one list after the other. */
  readonly training: readonly (readonly string[])[];
  readonly certain: { readonly rules: readonly (readonly string[])[]; readonly recall: number };
  /** Pairs below this probability are not written. */
  readonly from: number;
  /** Columns of the pairs beside both `n`, weight and probability. */
  readonly levels: readonly string[];
}

export interface LinkAnswer {
  readonly pairs: number;
  /** Folder below the job's `pairs` of the attempt whose answer this is; none where only one can be. */
  readonly attempt: string;
  /** Levels (`column: label`) that no pair was seen on: their weight is Splink's first guess. */
  readonly untrained: readonly string[];
  /** The trained model: settings with the probabilities of every level. No value of a record stands in it. */
  readonly model: unknown;
  readonly seconds: Readonly<Record<string, number>>;
}

export type LinkPlaces = Pick<LinkJob, 'records' | 'pairs' | 'answer'>;

export const linkJob = (entity: Entity, places: LinkPlaces): LinkJob => ({
  version: LINK_JOB_VERSION,
  splink: SPLINK_VERSION,
  ...places,
  settings: splinkSettings(entity),
  training: entity.blocking.map((rule) => rule.map(clearColumn)),
  certain: {
    rules: entity.certain.rules.map((rule) => rule.map(clearColumn)),
    recall: entity.certain.recall,
  },
  from: entity.thresholds.review,
  levels: entity.comparisons.map(({ column }) => levelColumn(column)),
});

export const splinkSettings = ({ comparisons, blocking }: Entity): SplinkSettings => ({
  link_type: 'dedupe_only',
  unique_id_column_name: 'n',
  comparisons: comparisons.map((comparison) => ({
    output_column_name: clearColumn(comparison.column),
    comparison_levels: levelsOf(comparison),
  })),
  blocking_rules_to_generate_predictions: blocking.map((rule) => ({
    blocking_rule: rule
      .map(clearColumn)
      .map((name) => `l.${name} = r.${name}`)
      .join(' AND '),
  })),
  retain_matching_columns: true,
  retain_intermediate_calculation_columns: false,
});

function levelsOf({ column, distances, frequency }: Comparison): readonly Level[] {
  const name = clearColumn(column);
  const [left, right] = [`${name}_l`, `${name}_r`];
  const rare = frequency ? { tf_adjustment_column: name, tf_adjustment_weight: 1 } : {};
  return [
    { sql_condition: `${left} IS NULL OR ${right} IS NULL`, label_for_charts: 'empty', is_null_level: true },
    { sql_condition: `${left} = ${right}`, label_for_charts: 'equal', ...rare },
    ...distances.map((edits) => ({
      sql_condition: `levenshtein(${left}, ${right}) <= ${edits}`,
      label_for_charts: `within ${edits}`,
    })),
    { sql_condition: 'ELSE', label_for_charts: 'differs' },
  ];
}

/** What a level means to a person, by Splink's number: -1 where a value is missing, 0 for the last level, one more for each before it. */
export const levelNames = ({ distances }: Comparison): readonly (readonly [number, string])[] => [
  [-1, 'empty'],
  [0, 'differs'],
  ...distances.map((edits, index) => [distances.length - index, `within ${edits}`] as const),
  [distances.length + 1, 'equal'],
];
