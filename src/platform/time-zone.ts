/** Names in small letters that Intl has known: asking it costs more than a request should, and of letters it takes any case. */
const knownZones = new Set<string>();

/** Whether a text names an IANA time zone that this program can reckon with. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][\w+/-]*$/.test(name)) return false;
  const key = name.toLowerCase();
  if (knownZones.has(key)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    knownZones.add(key);
    return true;
  } catch {
    // A RangeError is how Intl says that it knows no such zone.
    return false;
  }
}
