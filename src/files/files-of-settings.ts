import { join } from 'node:path';
import { type Config, ConfigError } from '../platform/config.ts';
import type { FilesOptions } from './files.ts';

type Settings = Pick<
  Config,
  'DATA_DIR' | 'UPLOAD_BYTES_MAX' | 'S3_ENDPOINT' | 'S3_BUCKET' | 'S3_REGION' | 'S3_ACCESS_KEY' | 'S3_SECRET_KEY'
>;

/** Where files lie; throws ConfigError where S3 is named in part. */
export function filesOfSettings(config: Settings): Omit<FilesOptions, 'log'> {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_REGION: region } = config;
  const { S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey } = config;
  const common = { folder: join(config.DATA_DIR, 'files'), bytesMax: config.UPLOAD_BYTES_MAX };
  if (endpoint === undefined) return common;
  if (bucket === undefined) throw missing('S3_BUCKET');
  if (accessKey === undefined) throw missing('S3_ACCESS_KEY');
  if (secretKey === undefined) throw missing('S3_SECRET_KEY');
  return { ...common, s3: { endpoint, bucket, region, accessKey, secretKey } };
}

function missing(name: string): ConfigError {
  return new ConfigError(`${name} must be given where S3_ENDPOINT is`);
}
