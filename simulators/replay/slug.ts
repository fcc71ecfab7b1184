/**
 * Names for MQTT topics out of people's labels: lower case, runs of anything but letters and digits become one hyphen.
 */

/** The slug of each label, in their order; labels that would share one get -2, -3 and so on behind it. */
export function slugsOf(labels: string[]): string[] {
  const taken = new Set<string>();
  return labels.map((label) => {
    const base = slugOf(label);
    let slug = base;
    for (let number = 2; taken.has(slug); number += 1) slug = `${base}-${number}`;
    taken.add(slug);
    return slug;
  });
}

/** An asset's name as a level of a topic: as it is written when MQTT allows that, else its slug. */
export function topicLevelOf(name: string): string {
  return /^[^/+#$\s\p{Cc}][^/+#\p{Cc}]*$/u.test(name) ? name : slugOf(name);
}

function slugOf(label: string): string {
  const letters = label.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return letters.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'point';
}
