import { expect, test } from 'vitest';
import { parseSparkplugTopic } from './topic.ts';

test.each([
  ['spBv1.0/g/NBIRTH/e', { type: 'NBIRTH', group: 'g', edge: 'e', device: undefined }],
  ['spBv1.0/g 1/DDATA/e/d', { type: 'DDATA', group: 'g 1', edge: 'e', device: 'd' }],
  ['spBv1.0/g/NCMD/e', { type: 'command' }],
  ['spBv1.0/g/DCMD/e/d', { type: 'command' }],
  ['spBv1.0/STATE/scada', { type: 'state', hostId: 'scada' }],
  ['spBv1.0/g/NBIRTH/e/d', { reason: 'unknown_topic' }],
  ['spBv1.0/g/DBIRTH/e', { reason: 'unknown_topic' }],
  ['spBv1.0/g/NDATA', { reason: 'unknown_topic' }],
  ['spBv1.0/g/NDATA/', { reason: 'unknown_topic' }],
  ['spBv1.0//NDATA/e', { reason: 'unknown_topic' }],
  ['spBv1.0/g/ndata/e', { reason: 'unknown_topic' }],
  ['spBv1.0/g/XDATA/e', { reason: 'unknown_topic' }],
  ['spBv1.0/g/DDATA/e/d/x', { reason: 'unknown_topic' }],
  ['spBv1.0/g/DDATA/e/+', { reason: 'unknown_topic' }],
  ['spBv1.0/STATE', { reason: 'unknown_topic' }],
])('the topic %s is %o', (topic, expected) => {
  expect(parseSparkplugTopic(topic)).toMatchObject(expected);
});
