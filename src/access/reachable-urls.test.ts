import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { reachableUrls } from './reachable-urls.ts';

test.each([
  ['mqtt://0.0.0.0:1883', 'https://plant.example.org/api', 'mqtt://plant.example.org:1883'],
  ['mqtts://:::8883', 'https://plant.example.org', 'mqtts://plant.example.org:8883'],
  ['ws://[::]:8083', undefined, `ws://${hostname()}:8083`],
  ['mqtt://127.0.0.1:1883', 'https://plant.example.org', 'mqtt://127.0.0.1:1883'],
  ['mqtt://10.0.0.5:1883', undefined, 'mqtt://10.0.0.5:1883'],
])('%s under %s is %s', (url, publicUrl, expected) => expect(reachableUrls([url], publicUrl)).toEqual([expected]));
