import { z } from 'zod';
import { optionalText } from './setting-forms.ts';

/** Credentials of the first day, and of every start where they are named here; config.ts has all settings. */
export const bootstrapSettings = {
  BOOTSTRAP_ADMIN_EMAIL: {
    schema: optionalText.pipe(
      z
        .string()
        .max(254)
        .regex(/^[^\s@]+@[^\s@]+$/)
        .optional(),
    ),
    mayBe: 'an e-mail address',
    for: 'the first administrator, who logs in as `admin` or with this; absent: `admin@localhost`',
  },
  BOOTSTRAP_ADMIN_PASSWORD: {
    schema: optionalText.pipe(z.string().min(10).max(256).optional()),
    mayBe: '10 to 256 characters',
    for: 'their password, also after a restart; absent: one is made and printed once',
  },
  BOOTSTRAP_API_KEY: {
    schema: optionalText.pipe(z.string().min(16).optional()),
    mayBe: 'at least 16 characters',
    for: 'the first API key; absent: one is made and printed once',
  },
  BOOTSTRAP_MQTT_USERNAME: {
    schema: optionalText.pipe(z.string().min(1).max(128).optional()),
    mayBe: '1 to 128 characters',
    for: 'the first device; absent: `gateway`',
  },
  BOOTSTRAP_MQTT_PASSWORD: {
    schema: optionalText.pipe(z.string().min(8).optional()),
    mayBe: 'at least 8 characters',
    for: 'its password; absent: one is made and printed once',
  },
};
