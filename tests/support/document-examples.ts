type Media = { examples?: Record<string, { value: unknown }>; schema: { $ref?: string; examples?: unknown[] } };

/** An operation of the OpenAPI document, as far as bodies and answers go. */
export type DescribedOperation = {
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, unknown>;
};

type Schemas = Record<string, { examples?: unknown[] }>;

/** The JSON bodies that the document shows for an operation, wherever it shows them. */
export function examplesOf({ requestBody }: DescribedOperation, schemas: Schemas): unknown[] {
  const media = requestBody?.content['application/json'];
  const named = schemas[media?.schema.$ref?.split('/').at(-1) ?? '']?.examples ?? [];
  return [
    ...named,
    ...(media?.schema.examples ?? []),
    ...Object.values(media?.examples ?? {}).map(({ value }) => value),
  ];
}

/** The status with which an operation succeeds. */
export function successOf({ responses }: DescribedOperation): number | undefined {
  return Object.keys(responses)
    .map(Number)
    .find((status) => status < 300);
}
