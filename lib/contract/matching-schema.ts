import { z } from 'zod';

const columns = z.array(z.string().min(1)).min(1);

export const matchSource = z.strictObject({
  dataset: z
    .string()
    .min(1)
    .describe(
      'A dataset of the same domain, by the name of its schema object. The order counts for `source` in `survivorship`.',
    ),
  id: columns
    .optional()
    .describe(
      'Columns that name a record of the source for ever; default the keys of `dedupe`, or the primary key.',
    ),
  columns: z
    .record(z.string(), z.string())
    .default({})
    .describe('Where the source calls a column otherwise: name here to name there.'),
  orderBy: z
    .string()
    .optional()
    .describe(
      'Date or timestamp that says how new a record is; default business date (without one the day on which the file came), time received, file, row.',
    ),
});

export const comparison = z.strictObject({
  column: z.string().min(1).describe('A column of this object.'),
  distances: z
    .array(z.number().int().min(1).max(10))
    .default([])
    .describe('Levels between equal and different: at most so many edits (Levenshtein) apart, ascending.'),
  frequency: z
    .boolean()
    .default(false)
    .describe('Agreement on a rare value counts for more than agreement on a frequent one.'),
});

export const certain = z.strictObject({
  rules: z
    .array(columns)
    .min(1)
    .describe(
      'Lists of columns: records that agree on all columns of a list are practically always the same.',
    ),
  recall: z
    .number()
    .gt(0)
    .max(1)
    .default(0.7)
    .describe('Share of all true pairs that these rules find, roughly.'),
});

const probability = z.number().gt(0).lt(1);

export const thresholds = z.strictObject({
  link: probability.default(0.95).describe('From this probability on two records are the same.'),
  review: probability.default(0.5).describe('From this one up to `link` a person decides.'),
});

export const CRITERIA = ['source', 'newest', 'oldest', 'longest', 'frequent'] as const;

export const matching = z.strictObject({
  sources: z.array(matchSource).min(1).describe('The datasets whose records are matched.'),
  comparisons: z.array(comparison).min(2).describe('What two records are compared by.'),
  blocking: z
    .array(columns)
    .min(2)
    .describe(
      'Lists of columns: only records that agree on all columns of at least one list are compared. No column may stand in all of them.',
    ),
  certain: certain.describe('From what the share of true pairs is estimated.'),
  thresholds: thresholds.prefault({}).describe('Which pairs are the same, and which a person looks at.'),
  survivorship: z
    .record(z.string(), z.array(z.enum(CRITERIA)).min(1))
    .default({})
    .describe(
      'Which record a column is taken from, by criteria in order: `source` (order of `sources`), `newest`, `oldest`, `longest`, `frequent`. Empty values never win. Default `[source, newest]`.',
    ),
});

export type MatchingSpec = z.infer<typeof matching>;
export type Criterion = (typeof CRITERIA)[number];
