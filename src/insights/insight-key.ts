/** The identity of an insight that a rule made. */
export type InsightKey = { readonly ruleId: string; readonly assetId: string; readonly openedAt: Date };

type Named = { readonly ruleId: string; readonly assetId: string; readonly openedAt: Date | number };

/** The identity of the insight that an effect or an episode is about. */
export function keyOf({ ruleId, assetId, openedAt }: Named): InsightKey {
  return { ruleId, assetId, openedAt: new Date(openedAt) };
}

/** The identity as a text, by which two of them are compared. */
export function identityOf({ ruleId, assetId, openedAt }: Named): string {
  return `${ruleId} ${assetId} ${Number(openedAt)}`;
}
