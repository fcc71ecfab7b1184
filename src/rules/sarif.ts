import type { RuleError } from './rule-error.ts';

/** The errors as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the line. */
export function toSarif(errors: RuleError[]): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'faultline rules',
            rules: [...new Set(errors.map(({ code }) => code))].map((id) => ({ id })),
          },
        },
        results: errors.map(({ severity, code, message, help, file, line, column, length }) => ({
          ruleId: code,
          level: severity,
          message: { text: help === undefined ? message : `${message}; ${help}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file },
                region: { startLine: line, startColumn: column, endColumn: column + length },
              },
            },
          ],
        })),
      },
    ],
  };
}
