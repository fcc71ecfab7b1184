/** What a broker means by a code with which it refuses or ends something, in words. */

/** MQTT 3.1.1, table 3.1. */
const returnCodes: Record<number, string> = {
  1: 'it does not speak this version of MQTT',
  2: 'it rejects the client identifier',
  3: 'it is not available',
  4: 'bad user name or password',
  5: 'not authorized',
};

/** MQTT 5, 2.4: those that a client which subscribes and publishes meets. */
const reasonCodes: Record<number, string> = {
  128: 'unspecified error',
  129: 'malformed packet',
  130: 'protocol error',
  131: 'implementation specific error',
  132: 'it does not speak this version of MQTT',
  133: 'it rejects the client identifier',
  134: 'bad user name or password',
  135: 'not authorized',
  136: 'it is not available',
  137: 'it is busy',
  138: 'banned',
  139: 'it is shutting down',
  141: 'keep alive timeout',
  142: 'the session was taken over by another client of the same identifier',
  143: 'topic filter invalid',
  144: 'topic name invalid',
  147: 'receive maximum exceeded',
  149: 'packet too large',
  150: 'message rate too high',
  151: 'quota exceeded',
  152: 'administrative action',
  153: 'payload format invalid',
  154: 'it retains nothing',
  155: 'it does not take this quality of service',
  156: 'use another server',
  157: 'server moved',
  158: 'it does not have shared subscriptions',
  159: 'connection rate exceeded',
  162: 'it does not take wildcards',
};

/** A code in words; with its number, where the words would not tell. */
export function describeCode(code: number, isVersion5: boolean): string {
  return (isVersion5 ? reasonCodes[code] : undefined) ?? returnCodes[code] ?? `code ${code}`;
}
