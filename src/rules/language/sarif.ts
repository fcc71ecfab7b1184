import { isAbsolute, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RuleError } from './rule-error.ts';

/**
 * Errors as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the line. File names become URIs relative to
 * `root`, the folder in which the command runs; a file outside of it keeps its absolute one (section 3.4.4).
 */
export function toSarif(errors: readonly RuleError[], root = process.cwd()): object {
  const codes = [...new Set(errors.map(({ code }) => code))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'faultline rules', rules: codes.map((id) => ({ id, name: id })) } },
        columnKind: 'utf16CodeUnits',
        results: errors.map((error) => ({
          ruleId: error.code,
          ruleIndex: codes.indexOf(error.code),
          level: error.severity,
          message: { text: error.help === undefined ? error.message : `${error.message}; ${error.help}` },
          locations: [{ physicalLocation: placeOf(error, root) }],
        })),
      },
    ],
  };
}

function placeOf({ file, line, column, length, lineText }: RuleError, root: string): object {
  return {
    artifactLocation: uriOf(file, root),
    region: { startLine: line, startColumn: column, endColumn: column + length, snippet: { text: lineText } },
  };
}

function uriOf(file: string, root: string): object {
  const path = relative(root, resolve(root, file));
  const isOutside = path.startsWith('..') || isAbsolute(path);
  if (isOutside) return { uri: pathToFileURL(resolve(root, file)).href };
  return { uri: path.split(sep).map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' };
}
