import { z } from 'zod';
import { authoritativeDefinitions, customProperties, stableId, tags, text } from './odcs-elements.ts';

export const OPERATORS = [
  'mustBe',
  'mustNotBe',
  'mustBeGreaterThan',
  'mustBeGreaterOrEqualTo',
  'mustBeLessThan',
  'mustBeLessOrEqualTo',
  'mustBeBetween',
  'mustNotBeBetween',
] as const;

export const METRICS = [
  'nullValues',
  'missingValues',
  'invalidValues',
  'duplicateValues',
  'rowCount',
] as const;

const pair = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low !== high, 'the two numbers are equal; use mustBe')
  .optional();

const about = {
  id: stableId.optional(),
  name: text.optional(),
  description: text.optional(),
  /** Without a type a rule with a metric is one of the library, and one without is a remark. */
  type: z.enum(['text', 'library', 'sql', 'custom']).optional(),
  dimension: z
    .enum(['accuracy', 'completeness', 'conformity', 'consistency', 'coverage', 'timeliness', 'uniqueness'])
    .optional(),
  method: text.optional(),
  severity: text.optional(),
  businessImpact: text.optional(),
  unit: text.optional(),
  schedule: text.optional(),
  scheduler: text.optional(),
  tags,
  authoritativeDefinitions,
  customProperties,
};

/** Fields that only some kinds of rules have. */
const OWN = {
  library: { needed: ['metric'], also: ['rule', 'arguments', ...OPERATORS] },
  sql: { needed: ['query'], also: OPERATORS },
  custom: { needed: ['engine', 'implementation'], also: [] },
} as const;

type Kind = keyof typeof OWN;
const SPECIAL = Object.values(OWN).flatMap(({ needed, also }): readonly string[] => [...needed, ...also]);

/** A quality rule: the fields of its type and no others, with exactly one operator where something is measured. */
export const quality = z
  .strictObject({
    ...about,
    metric: z.enum(METRICS).optional(),
    rule: text.optional(),
    arguments: z.record(text, z.unknown()).optional(),
    query: text.optional(),
    engine: text.optional(),
    implementation: z.union([text, z.record(text, z.unknown())]).optional(),
    mustBe: z.unknown().optional(),
    mustNotBe: z.unknown().optional(),
    mustBeGreaterThan: z.number().optional(),
    mustBeGreaterOrEqualTo: z.number().optional(),
    mustBeLessThan: z.number().optional(),
    mustBeLessOrEqualTo: z.number().optional(),
    mustBeBetween: pair,
    mustNotBeBetween: pair,
  })
  .superRefine((rule, context) => {
    const complain = (message: string) => context.addIssue({ code: 'custom', message });
    const kinds = kindsOf(rule);
    const given = SPECIAL.filter((field) => Reflect.get(rule, field) !== undefined);
    const allowed = kinds.flatMap((kind): readonly string[] => [...OWN[kind].needed, ...OWN[kind].also]);
    const called = rule.type === undefined ? 'a rule without type and metric' : `a rule of type ${rule.type}`;
    for (const field of new Set(given)) {
      if (!allowed.includes(field)) complain(`${field} does not belong to ${called}`);
    }
    for (const field of kinds.flatMap((kind): readonly string[] => OWN[kind].needed)) {
      if (!given.includes(field)) complain(`${field} is missing; ${called} needs it${hint(field)}`);
    }
    const operators = OPERATORS.filter((operator) => rule[operator] !== undefined);
    if (operators.length !== 1 && kinds.some((kind) => kind !== 'custom')) {
      complain(`has ${operators.length} operators; exactly one of ${OPERATORS.join(', ')}`);
    }
  });

export type Quality = z.infer<typeof quality>;

const kindsOf = (rule: { type?: string | undefined; metric?: string | undefined }): readonly Kind[] => [
  ...(rule.type === 'library' || rule.metric !== undefined ? (['library'] as const) : []),
  ...(rule.type === 'sql' || rule.type === 'custom' ? [rule.type as 'sql' | 'custom'] : []),
];

const hint = (field: string): string => (field === 'metric' ? `; allowed: ${METRICS.join(', ')}` : '');
