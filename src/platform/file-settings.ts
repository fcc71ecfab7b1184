import { z } from 'zod';
import { bytes, optionalText } from './setting-forms.ts';

/** Where files of people lie, and how large they may be; config.ts has all settings. */
export const fileSettings = {
  UPLOAD_BYTES_MAX: {
    schema: bytes,
    default: '100MB',
    mayBe: 'a size from 1MB, such as 20MB or 1GB',
    for: 'how large one file may be that is attached to a work order',
  },
  S3_ENDPOINT: {
    schema: optionalText.pipe(z.url({ protocol: /^https?$/ }).optional()),
    mayBe: 'http or https://host:port',
    for: 'Amazon S3, or anything that speaks as it does, for files; absent: they lie under DATA_DIR, which processes on several machines do not share',
  },
  S3_BUCKET: {
    schema: optionalText.pipe(
      z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
        .optional(),
    ),
    mayBe: 'the name of a bucket',
    for: 'the bucket for files at S3_ENDPOINT; it must be there',
  },
  S3_REGION: {
    schema: z.string().regex(/^[a-z0-9-]{1,64}$/),
    default: 'us-east-1',
    mayBe: 'the name of a region',
    for: 'the region of S3_BUCKET',
  },
  S3_ACCESS_KEY: {
    schema: optionalText.pipe(z.string().min(3).max(256).optional()),
    mayBe: '3 to 256 characters',
    for: 'the id of the key for S3_BUCKET',
  },
  S3_SECRET_KEY: {
    schema: optionalText.pipe(z.string().min(3).max(256).optional()),
    mayBe: '3 to 256 characters',
    for: 'the secret of the key for S3_BUCKET',
  },
};
