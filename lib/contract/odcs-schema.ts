import { z } from 'zod';
import {
  authoritativeDefinitions,
  customProperties,
  objectRelationships,
  role,
  stableId,
  tags,
  text,
} from './odcs-elements.ts';
import { element, property } from './odcs-property.ts';
import { quality } from './odcs-quality.ts';
import { server } from './odcs-servers.ts';

/**
 * The Open Data Contract Standard v3.1.0, field by field from its JSON schema (draft 2019-09). Keys that the standard does not
 * know are refused everywhere but in `customProperties`, as the standard does.
 */
export const schemaObject = z.strictObject({
  ...element,
  logicalType: z.enum(['object', 'blob']).optional(),
  dataGranularityDescription: text.optional(),
  properties: z.array(property).optional(),
  relationships: objectRelationships,
  quality: z.array(quality).optional(),
});

const member = z.strictObject({
  id: stableId.optional(),
  username: text,
  name: text.optional(),
  description: text.optional(),
  role: text.optional(),
  dateIn: text.optional(),
  dateOut: text.optional(),
  replacedByUsername: text.optional(),
  tags,
  customProperties,
  authoritativeDefinitions,
});

const team = z.union([
  z.array(member),
  z.strictObject({
    id: stableId.optional(),
    name: text.optional(),
    description: text.optional(),
    members: z.array(member).optional(),
    tags,
    customProperties,
    authoritativeDefinitions,
  }),
]);

const channel = z.strictObject({
  id: stableId.optional(),
  channel: text,
  url: text.optional(),
  description: text.optional(),
  tool: text.optional(),
  scope: text.optional(),
  invitationUrl: text.optional(),
  customProperties,
});

export const serviceLevel = z.strictObject({
  id: stableId.optional(),
  property: text,
  value: z.union([text, z.number(), z.boolean(), z.null()]),
  valueExt: z.union([text, z.number(), z.boolean(), z.null()]).optional(),
  unit: text.optional(),
  element: text.optional(),
  driver: text.optional(),
  description: text.optional(),
  scheduler: text.optional(),
  schedule: text.optional(),
});

export const contractDocument = z.strictObject({
  version: text,
  kind: z.literal('DataContract'),
  apiVersion: z.enum(['v3.1.0', 'v3.0.2', 'v3.0.1', 'v3.0.0', 'v2.2.2', 'v2.2.1', 'v2.2.0']),
  id: text,
  name: text.optional(),
  tenant: text.optional(),
  tags,
  status: text,
  servers: z.array(server).optional(),
  dataProduct: text.optional(),
  description: z
    .strictObject({
      usage: text.optional(),
      purpose: text.optional(),
      limitations: text.optional(),
      authoritativeDefinitions,
      customProperties,
    })
    .optional(),
  domain: text.optional(),
  schema: z.array(schemaObject).optional(),
  support: z.array(channel).optional(),
  price: z
    .strictObject({
      id: stableId.optional(),
      priceAmount: z.number().optional(),
      priceCurrency: text.optional(),
      priceUnit: text.optional(),
    })
    .optional(),
  team: team.optional(),
  roles: z.array(role).optional(),
  slaDefaultElement: text.optional(),
  slaProperties: z.array(serviceLevel).optional(),
  authoritativeDefinitions,
  customProperties,
  contractCreatedTs: text.optional(),
});

export type ContractDocument = z.infer<typeof contractDocument>;
export type SchemaObject = z.infer<typeof schemaObject>;
