import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

describe('the settings', () => {
  test('have defaults that start on one machine with nothing else', () => {
    expect(readConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      HTTP_PORT: 3000,
      MQTT_PORT: 1883,
      DATABASE_URL: undefined,
      DATA_DIR: './data',
      TICK: 10_000,
      GRACE: 5_000,
      TIME_SCALE: 1,
      ROLES: ['ingest', 'rules', 'api', 'jobs'],
    });
  });

  test.each([
    [{}, 1883],
    [{ MQTT_PORT: '1884' }, 1884],
    [{ MQTT_PORT: 'off' }, undefined],
    [{ MQTT_URL: '' }, 1883],
    [{ MQTT_URL: 'mqtt://broker.example' }, undefined],
    [{ MQTT_URL: 'mqtts://user:secret@broker.example:8883', MQTT_PORT: '0' }, 0],
  ])('open a broker of our own unless it is off, or there is another: %o', (env, expected) => {
    expect(readConfig(env).MQTT_PORT).toBe(expected);
  });

  test('are absent when they are empty', () => {
    expect(readConfig({ REDIS_URL: '', HTTP_PORT: '' })).toMatchObject({ REDIS_URL: undefined, HTTP_PORT: 3000 });
  });

  test.each([
    [{ HTTP_PORT: 'http' }, 'HTTP_PORT is "http", and must be a port from 0 (any free one) to 65535'],
    [{ MQTT_PORT: '65536' }, 'MQTT_PORT is "65536", and must be a port from 0 (any free one) to 65535, or off'],
    [{ HTTP_PORT: ' ' }, 'HTTP_PORT is " ", and must be a port from 0 (any free one) to 65535'],
    [{ TICK: '99999999d' }, 'TICK is "99999999d", and must be a duration such as 10s or 1m'],
    [{ TICK: '10' }, 'TICK is "10", and must be a duration such as 10s or 1m'],
    [{ TICK: '0s' }, 'TICK is "0s", and must be a duration such as 10s or 1m'],
    [{ ROLES: 'ingest,cook' }, 'ROLES is "ingest,cook", and must be a list of ingest, rules, api, jobs'],
    [
      { TIME_SCALE: '0' },
      'TIME_SCALE is "0", and must be a whole number from 1 to 600 that divides 60000, such as 1, 10, 60 or 600',
    ],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL is "loud", and must be fatal, error, warn, info, debug, trace or silent'],
    [{ PUBLIC_URL: 'ftp://x' }, 'PUBLIC_URL is "ftp://x", and must be an http or https URL'],
    [{ DATABASE_URL: 'mysql://u:hunter2@h/d' }, 'DATABASE_URL must be postgresql://user:password@host:port/database'],
    [{ MQTT_URL: 'http://u:hunter2@h' }, 'MQTT_URL must be mqtt, mqtts, ws or wss://user:password@host:port'],
    [{ MQTT_VERSION: '4' }, 'MQTT_VERSION is "4", and must be 5 or 3.1.1'],
    [{ MQTT_GROUP: 'a/b' }, 'MQTT_GROUP is "a/b", and must be 1 to 64 letters, digits, `_`, `-` or `.`'],
    [{ SECRET: 'short' }, 'SECRET must be at least 32 characters'],
    [{ BOOTSTRAP_API_KEY: 'short' }, 'BOOTSTRAP_API_KEY must be at least 16 characters'],
  ])('%o: one line that names it and what it may be, and repeats no secret', (env, message) => {
    expect(() => readConfig(env)).toThrow(new ConfigError(message));
  });

  test.each([
    ['250ms', 250],
    ['1.5s', 1_500],
    ['1m', 60_000],
    ['2h', 7_200_000],
  ])('the duration %s is %d milliseconds', (text, ms) => {
    expect(readConfig({ GRACE: text }).GRACE).toBe(ms);
  });
});
