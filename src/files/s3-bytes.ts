import { open } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { urlToHttpOptions } from 'node:url';
import type { Client } from 'minio';
import type { FileBytes } from './file-bytes.ts';

export type S3Settings = {
  /** http or https, a host, and a port where it is not the usual one. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
};

const signedForS = 3_600;

/**
 * Files as objects of one bucket, which must be there; of Amazon, or of anything that speaks S3. A store that says nothing for
 * `silentMsMax` milliseconds is given up.
 */
export function createS3Bytes(settings: S3Settings, { silentMsMax = 30_000 } = {}): FileBytes {
  const { endpoint, bucket, region, accessKey, secretKey } = settings;
  const { protocol, hostname, port } = new URL(endpoint);
  const useSSL = protocol === 'https:';
  const send = sendingTo(useSSL ? requestHttps : requestHttp, silentMsMax);
  let opened: Promise<Client> | undefined;
  // Loaded when it is first asked for: a program that keeps its files on disk does without it.
  const client = () => {
    opened ??= import('minio').then(
      ({ Client: S3Client }) =>
        new S3Client({
          endPoint: hostname,
          ...(port === '' ? {} : { port: Number(port) }),
          ...{ useSSL, region, accessKey, secretKey, pathStyle: true },
          transport: { request: send as typeof requestHttp },
        }),
    );
    return opened;
  };
  return {
    kind: 's3',
    async keep(key, path) {
      const s3 = await client();
      // Its own upload holds up to a whole part in memory; a signed URL takes the file as it is read.
      await put(await s3.presignedPutObject(bucket, key, signedForS), path, send);
    },
    async read(key, range) {
      const s3 = await client();
      if (!range) return s3.getObject(bucket, key);
      return s3.getPartialObject(bucket, key, range.start, range.end - range.start + 1);
    },
    async remove(keys) {
      const s3 = await client();
      for (const key of keys) await s3.removeObject(bucket, key);
    },
  };
}

type Send = (to: RequestOptions, begun: (response: IncomingMessage) => void) => ClientRequest;

/** Requests that fail where nothing comes or goes for too long. */
function sendingTo(request: typeof requestHttp, silentMsMax: number): Send {
  return (to, begun) => {
    let answer: IncomingMessage | undefined;
    const sent = request({ ...to, timeout: silentMsMax }, (response) => {
      answer = response;
      begun(response);
    });
    const endSilent = () => {
      // What has come and waits for a slow reader is no silence of the store; what follows it may be.
      if (answer !== undefined && answer.readableLength > 0) sent.socket?.setTimeout(silentMsMax, endSilent);
      else sent.destroy(new Error(`the store of files said nothing for ${silentMsMax} ms`));
    };
    return sent.on('timeout', endSilent);
  };
}

/** Sends a file to a signed URL, piece by piece. */
async function put(url: string, path: string, send: Send): Promise<void> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const { promise: answered, resolve, reject } = Promise.withResolvers<number>();
  const to = { ...urlToHttpOptions(new URL(url)), method: 'PUT', headers: { 'content-length': size } };
  const request = send(to, (response) => {
    response.resume();
    response.on('error', reject).on('end', () => resolve(response.statusCode ?? 0));
  });
  request.on('error', reject);
  // Where the store answers before it has read all, writing fails first, and its answer says why.
  const sent = pipeline(file.createReadStream({ autoClose: false }), request);
  const [written, answer] = await Promise.allSettled([sent, answered]);
  if (answer.status === 'rejected') throw answer.reason;
  if (answer.value !== 200) throw new Error(`the store of files answered ${answer.value} to a PUT`);
  if (written.status === 'rejected') throw written.reason;
}
