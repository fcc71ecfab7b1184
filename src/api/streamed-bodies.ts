/** How the document shows bodies that are read as streams, and are no JSON: lines of rows, and files of measurements. */

type Media = { schema?: unknown; examples?: Record<string, { value: unknown }> };

/** Gives media types other than JSON a schema and an example of their own, beside the one that the route has for all. */
export function describeStreams(content: Record<string, Media>): void {
  const json = content['application/json'];
  if (json && content['application/x-ndjson']) {
    content['application/x-ndjson'] = {
      schema: { type: 'string', description: 'A row a line, each as in application/json.' },
      examples: {
        Example1: {
          value: rowsOf(json)
            .map((row) => JSON.stringify(row))
            .join('\n'),
        },
      },
    };
  }
  if (content['text/csv'] && content['multipart/form-data']) {
    content['text/csv'] = {
      schema: { type: 'string', description: 'Comma-separated values with a header.' },
      examples: { Example1: { value: 'time,AHU-01 SAT\n2026-03-17 17:00,13.2\n2026-03-17 17:01,13.4\n' } },
    };
    content['multipart/form-data'] = { schema: formSchema };
  }
}

const formSchema = {
  type: 'object',
  properties: {
    columns: {
      type: 'string',
      description: 'The column map, as YAML or JSON.',
      examples: [
        'time: { column: time }\nasset: { class: brick:AHU }\npoints:\n  AHU-01 SAT: { name: sat, unit: degC }\n',
      ],
    },
    site: { type: 'string', description: 'The slug of the site; not below a site.' },
    asset: { type: 'string', description: 'The asset of all rows, where the column map names none.' },
    file: { type: 'string', contentMediaType: 'text/csv', description: 'The last part: comma-separated values.' },
  },
  required: ['columns', 'file'],
};

function rowsOf({ examples = {} }: Media): unknown[] {
  const [value] = Object.values(examples).map((example) => example.value);
  const { readings } = (value ?? {}) as { readings?: unknown[] };
  return readings ?? (Array.isArray(value) ? value : []);
}
