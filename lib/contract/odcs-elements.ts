import { z } from 'zod';

/** What many parts of the Open Data Contract Standard share. */
export const text = z.string();
export const tags = z.array(text).optional();

export const stableId = z.string().regex(/^[A-Za-z0-9_-]+$/, 'an id has only letters, digits, - and _');

export const customProperty = z.strictObject({
  id: stableId.optional(),
  property: text.describe('Name, in camelCase.'),
  value: z.unknown(),
  description: text.optional(),
});
export type CustomProperty = z.infer<typeof customProperty>;
export const customProperties = z.array(customProperty).optional();

export const authoritativeDefinitions = z
  .array(z.strictObject({ id: stableId.optional(), url: text, type: text, description: text.optional() }))
  .optional();

export const role = z.strictObject({
  id: stableId.optional(),
  role: text,
  description: text.optional(),
  access: text.optional(),
  firstLevelApprovers: text.optional(),
  secondLevelApprovers: text.optional(),
  customProperties,
});

const SHORTHAND = '[A-Za-z_][A-Za-z0-9_]*\\.[A-Za-z_][A-Za-z0-9_]*';
const QUALIFIED =
  '(?:(?:https?:\\/\\/)?[A-Za-z0-9._\\-\\/]+\\.yaml#)?\\/?[A-Za-z_][A-Za-z0-9_]*\\/[A-Za-z0-9_-]+(?:\\/[A-Za-z_][A-Za-z0-9_]*\\/[A-Za-z0-9_-]+)*';
const reference = z
  .string()
  .regex(
    new RegExp(`^(?:${SHORTHAND}|${QUALIFIED})$`),
    'a reference is table.column or /schema/<id>/properties/<id>',
  );
const references = z.union([reference, z.array(reference).min(1)]);

const relationship = { type: z.literal('foreignKey').optional(), customProperties };

/** Of a property: `from` is the property itself. */
export const propertyRelationships = z.array(z.strictObject({ ...relationship, to: references })).optional();

export const objectRelationships = z
  .array(
    z
      .strictObject({ ...relationship, from: references, to: references })
      .refine(
        ({ from, to }) => Array.isArray(from) === Array.isArray(to),
        'from and to are both one reference or both a list',
      ),
  )
  .optional();
