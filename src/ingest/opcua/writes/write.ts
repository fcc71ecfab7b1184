/** Writes to servers: off unless a connection names the node, and each of them noted before it is made. */
import { z } from 'zod';
import { Id, Instant, text } from '../../../platform/fields.ts';
import { columns, listOf, listQuery, timestamps } from '../../../platform/list-query.ts';
import { isNodeKey } from '../node-key.ts';

const Scalar = z.union([z.number(), z.boolean(), text(4_000)]);

export const OpcuaWriteBody = z
  .strictObject({
    node: text(1_000)
      .refine(isNodeKey, 'must be nsu=<namespace URI>;s=<identifier> (or i, g, b), or i=<number>')
      .describe("One of the connection's writable_nodes."),
    value: Scalar.describe('In the type that the node has.'),
  })
  .meta({ id: 'OpcuaWriteBody', examples: [{ node: 'nsu=urn:plant;s=Chiller.Setpoint', value: 6.5 }] });
export type OpcuaWriteBody = z.infer<typeof OpcuaWriteBody>;

export const OpcuaWrite = z
  .object({
    id: Id,
    connection_id: Id,
    node: z.string(),
    value: Scalar,
    previous: Scalar.nullable().describe('What the node had before, where it is a single value.'),
    state: z
      .enum(['asked', 'written', 'refused'])
      .describe('asked: it was about to be made when the program ended, and may have been made.'),
    status: z.string().nullable().describe("The name of the server's StatusCode."),
    detail: z.string().nullable(),
    written_by: Id.describe('The API key that asked, or the person.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'OpcuaWrite' });
export type OpcuaWrite = z.infer<typeof OpcuaWrite>;

export const opcuaWriteList = listOf({
  name: 'opcua-writes',
  id: 'opcua_write.id',
  columns: { ...timestamps('opcua_write'), node: columns.text('opcua_write.node') },
  words: ['opcua_write.node'],
});

export const OpcuaWriteQuery = listQuery(opcuaWriteList, {});
