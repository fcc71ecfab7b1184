import { describe, expect, test } from 'vitest';
import { isNodeKey, nodeIdOf, nodeKeyOf } from './node-key.ts';

const namespaces = ['http://opcfoundation.org/UA/', 'urn:server', 'urn:plant', 'urn:odd;50%'];

describe('the key of a node', () => {
  test.each([
    ['i=2258', 'ns=0;i=2258'],
    ['nsu=urn:plant;s=Chiller.Setpoint', 'ns=2;s=Chiller.Setpoint'],
    ['nsu=urn:plant;s=a;b=c', 'ns=2;s=a;b=c'],
    ['nsu=urn:server;i=4294967295', 'ns=1;i=4294967295'],
    ['nsu=urn:plant;g=09087e75-8e5e-499b-954f-f2a9603db28a', 'ns=2;g=09087e75-8e5e-499b-954f-f2a9603db28a'],
    ['nsu=urn:plant;b=M/RbKBsRVkePCePcx24oRA==', 'ns=2;b=M/RbKBsRVkePCePcx24oRA=='],
    ['nsu=urn:odd%3B50%25;i=1', 'ns=3;i=1'],
  ])('%s is %s, and back', (key, nodeId) => {
    expect(isNodeKey(key)).toBe(true);
    expect(nodeIdOf(key, namespaces)).toBe(nodeId);
    expect(nodeKeyOf(nodeId, namespaces)).toBe(key);
  });

  test.each([
    '',
    'ns=2;s=x',
    'nsu=;s=x',
    'nsu=urn:plant',
    'nsu=urn:plant;',
    'nsu=urn:plant;s=',
    'i=x',
    'i=4294967296',
    'g=1',
    'x=1',
  ])('%j is none', (text) => expect(isNodeKey(text)).toBe(false));

  test('of a namespace that the server does not have stands for nothing there', () => {
    expect(nodeIdOf('nsu=urn:other;i=1', namespaces)).toBeUndefined();
    expect(nodeKeyOf('ns=9;i=1', namespaces)).toBeUndefined();
  });

  test('follows its namespace to another index', () => {
    expect(nodeIdOf('nsu=urn:plant;i=1', ['http://opcfoundation.org/UA/', 'urn:plant'])).toBe('ns=1;i=1');
  });
});
