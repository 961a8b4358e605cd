import { z } from 'zod';
import {
  authoritativeDefinitions,
  customProperties,
  propertyRelationships,
  stableId,
  tags,
  text,
} from './odcs-elements.ts';
import { quality } from './odcs-quality.ts';

export const element = {
  id: stableId.optional(),
  name: text,
  physicalType: text.optional(),
  physicalName: text.optional(),
  description: text.optional(),
  businessName: text.optional(),
  authoritativeDefinitions,
  tags,
  customProperties,
};

const textBounds = {
  minimum: text.optional(),
  maximum: text.optional(),
  exclusiveMinimum: text.optional(),
  exclusiveMaximum: text.optional(),
};
const numberBounds = {
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  multipleOf: z.number().positive().optional(),
};
const moment = {
  ...textBounds,
  format: text.optional(),
  timezone: z.boolean().optional(),
  defaultTimezone: text.optional(),
};
const count = z.number().int().min(0).optional();

const INTEGER_FORMATS = ['i8', 'i16', 'i32', 'i64', 'i128', 'u8', 'u16', 'u32', 'u64', 'u128'] as const;

/** Closed set of options by logical type; the standard leaves those of a boolean open. */
const OPTIONS = {
  string: z.strictObject({
    minLength: count,
    maxLength: count,
    pattern: text.optional(),
    format: text.optional(),
  }),
  date: z.strictObject({ ...textBounds, format: text.optional() }),
  timestamp: z.strictObject(moment),
  time: z.strictObject(moment),
  integer: z.strictObject({ ...numberBounds, format: z.enum(INTEGER_FORMATS).optional() }),
  number: z.strictObject({ ...numberBounds, format: z.enum(['f32', 'f64']).optional() }),
  object: z.strictObject({
    minProperties: count,
    maxProperties: count,
    required: z
      .array(text)
      .min(1)
      .refine((names) => new Set(names).size === names.length, 'a name stands twice')
      .optional(),
  }),
  array: z.strictObject({ minItems: count, maxItems: count, uniqueItems: z.boolean().optional() }),
  boolean: z.looseObject({}),
} as const;

type LogicalType = keyof typeof OPTIONS;
export const LOGICAL_TYPES = Object.keys(OPTIONS) as [LogicalType, ...LogicalType[]];

/** Union of all options; which of them a logical type takes is checked beside it. */
const anyOptions = z.object({
  minimum: z.union([z.number(), text]).optional(),
  maximum: z.union([z.number(), text]).optional(),
  exclusiveMinimum: z.union([z.number(), text]).optional(),
  exclusiveMaximum: z.union([z.number(), text]).optional(),
  multipleOf: z.number().optional(),
  minLength: count,
  maxLength: count,
  pattern: text.optional(),
  format: text.optional(),
  timezone: z.boolean().optional(),
  defaultTimezone: text.optional(),
});

export type TypeOptions = z.infer<typeof anyOptions>;
export const optionsOf = (each: Property): TypeOptions => anyOptions.parse(each.logicalTypeOptions ?? {});

const shape = {
  ...element,
  primaryKey: z.boolean().default(false),
  primaryKeyPosition: z.number().int().default(-1),
  logicalType: z.enum(LOGICAL_TYPES).optional(),
  logicalTypeOptions: z.record(text, z.unknown()).optional(),
  required: z.boolean().default(false),
  unique: z.boolean().default(false),
  partitioned: z.boolean().default(false),
  partitionKeyPosition: z.number().int().default(-1),
  classification: text.optional(),
  encryptedName: text.optional(),
  transformSourceObjects: z.array(text).optional(),
  transformLogic: text.optional(),
  transformDescription: text.optional(),
  examples: z.array(z.unknown()).optional(),
  criticalDataElement: z.boolean().default(false),
  relationships: propertyRelationships,
  quality: z.array(quality).optional(),
};

const propertyBase = z.strictObject({
  ...shape,
  get properties() {
    return z.array(property).optional();
  },
  get items() {
    return item.optional();
  },
});

const itemBase = propertyBase.extend({ name: text.optional() });

export type Property = Omit<z.infer<z.ZodObject<typeof shape>>, 'never'> & {
  readonly properties?: readonly Property[] | undefined;
  readonly items?: Item | undefined;
};
export type Item = Omit<Property, 'name'> & { readonly name?: string | undefined };

type Complain = (message: string, ...path: readonly string[]) => void;

/** What depends on the logical type; without one the standard takes the rules of every type together, so no option is left. */
function checkType(each: Item, complain: Complain, add: (issue: z.core.$ZodIssue) => void): void {
  const { logicalType, logicalTypeOptions } = each;
  if (each.properties !== undefined && logicalType !== undefined && logicalType !== 'object')
    complain(`properties belong to logicalType object, not ${logicalType}`, 'properties');
  if (each.items !== undefined && logicalType !== undefined && logicalType !== 'array')
    complain(`items belong to logicalType array, not ${logicalType}`, 'items');
  if (logicalTypeOptions === undefined) return;
  if (logicalType === undefined) {
    if (Object.keys(logicalTypeOptions).length > 0)
      complain('logicalTypeOptions needs logicalType', 'logicalTypeOptions');
    return;
  }
  for (const issue of OPTIONS[logicalType].safeParse(logicalTypeOptions).error?.issues ?? []) {
    add({ ...issue, path: ['logicalTypeOptions', ...issue.path] });
  }
}

const refined = <Schema extends typeof propertyBase | typeof itemBase>(schema: Schema) =>
  schema.superRefine((each, context) => {
    const add = (issue: z.core.$ZodIssue) =>
      context.addIssue(issue as Parameters<typeof context.addIssue>[0]);
    const complain: Complain = (message, ...path) =>
      context.addIssue({ code: 'custom', message, path: [...path] });
    checkType(each as unknown as Item, complain, add);
  });

// The types are stated by hand, because a schema that contains itself can't be inferred through its refinement.
export const property: z.ZodType<Property> = refined(propertyBase) as unknown as z.ZodType<Property>;
const item: z.ZodType<Item> = refined(itemBase) as unknown as z.ZodType<Item>;
