import type { RuleText } from '../language/load-rules.ts';
import type { RuleSet } from '../language/rule.ts';

/** A version of the rules with the texts that it is made of. */
export type RuleVersionTexts = { readonly rules: RuleSet; readonly texts: readonly RuleText[] };

/** Rules by their ids, and the files of derived values and overrides that are other than before. */
export type RuleSetDifference = { added: string[]; changed: string[]; removed: string[]; otherFiles: string[] };

/** How a version of the rules differs from the one before: a rule has changed where the text of its file has. */
export function compareRuleSets(before: RuleVersionTexts, after: RuleVersionTexts): RuleSetDifference {
  const [textsBefore, textsAfter] = [textsByFile(before), textsByFile(after)];
  const [rulesBefore, rulesAfter] = [filesByRule(before), filesByRule(after)];
  const ofRules = new Set([...rulesBefore.values(), ...rulesAfter.values()]);
  const files = new Set([...textsBefore.keys(), ...textsAfter.keys()]);
  return {
    added: [...rulesAfter.keys()].filter((id) => !rulesBefore.has(id)),
    changed: [...rulesAfter].flatMap(([id, file]) => {
      const fileBefore = rulesBefore.get(id);
      return fileBefore !== undefined && textsBefore.get(fileBefore) !== textsAfter.get(file) ? [id] : [];
    }),
    removed: [...rulesBefore.keys()].filter((id) => !rulesAfter.has(id)),
    otherFiles: [...files]
      .filter((file) => !ofRules.has(file) && textsBefore.get(file) !== textsAfter.get(file))
      .sort(),
  };
}

function textsByFile({ texts }: RuleVersionTexts): Map<string, string> {
  return new Map(texts.map(({ file, text }) => [file, text]));
}

function filesByRule({ rules }: RuleVersionTexts): Map<string, string> {
  return new Map(rules.rules.map(({ id, file }) => [id, file]));
}
