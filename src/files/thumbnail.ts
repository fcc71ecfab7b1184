/** Small pictures of photos. What is decoded is bounded before it is decoded: a file of a few bytes can stand for gigabytes. */
import { Readable } from 'node:stream';
import { createFairGate } from '../platform/fair-gate.ts';
import { refusals } from '../platform/refusals.ts';
import { type ReceivedFile, receiveFile } from './receive-file.ts';

/** What can be drawn, and as what libvips knows it; a picture that is none of these is no photo. */
const formats: Record<string, readonly string[]> = {
  'image/jpeg': ['jpeg'],
  'image/png': ['png'],
  'image/webp': ['webp'],
  'image/gif': ['gif'],
  'image/avif': ['heif', 'avif'],
  'image/tiff': ['tiff'],
};

/** Some formats are decoded whole, at four bytes a pixel; no telephone has a camera of more. */
const pixelsMax = 64_000_000;
const sidePixels = 480;
const drawingSMax = 20;
const thumbnailBytesMax = 1_048_576;
/** Each takes a core. */
const drawing = createFairGate({ atOnceMax: 2, waitingMax: 60 });

export type Thumbnail = {
  readonly file: ReceivedFile;
  /** Of the photo, after the turn that its camera asks for. */
  readonly width: number;
  readonly height: number;
};

type Where = {
  /** Whose photo it is: parties take turns. */
  readonly party: string;
  readonly folder: string;
  /** What the form calls the photo. */
  readonly part: string;
};

/**
 * Draws a photo small, upright, without what its camera wrote into it (where it was taken, among others), into `folder`. Throws
 * validation_failed for a file that cannot be drawn, or has too many pixels, and uploads_busy.
 */
export async function makeThumbnail(photo: ReceivedFile, where: Where): Promise<Thumbnail> {
  const drawn = await drawing(where.party, () => draw(photo, where));
  if (!drawn) throw refusals.uploadsBusy();
  return drawn;
}

/** Throws validation_failed for a file that is no picture, or has too many pixels, and uploads_busy. */
export async function requirePicture(file: ReceivedFile, { party, part }: Omit<Where, 'folder'>): Promise<void> {
  const looked = await drawing(party, () => look(file, part));
  if (!looked) throw refusals.uploadsBusy();
}

async function draw(photo: ReceivedFile, { folder, part }: Where): Promise<Thumbnail> {
  const { image, width, height } = await look(photo, part);
  const small = image
    .resize({ width: sidePixels, height: sidePixels, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 75 })
    .timeout({ seconds: drawingSMax });
  const bytes = await small.toBuffer().catch(() => {
    throw notDrawable(part, 'is a picture that is broken, or takes too long to draw');
  });
  const given = { folder, fileName: undefined, bytesMax: thumbnailBytesMax, part };
  const file = await receiveFile(Readable.from([bytes]), given);
  return { file, width, height };
}

/** Opens a picture as far as its header, which says how large it is. */
async function look(file: ReceivedFile, part: string) {
  if (formats[file.mediaType] === undefined) throw notDrawable(part, `is ${file.mediaType}`);
  const sharp = await loadSharp();
  const options = { limitInputPixels: pixelsMax, failOn: 'error', sequentialRead: true, autoOrient: true } as const;
  const image = sharp(file.path, options);
  // What it says of a file that it cannot read names the path.
  const { format, width, height, autoOrient } = await image.metadata().catch(() => {
    throw notDrawable(part, `is broken, or has more than ${pixelsMax} pixels`);
  });
  if (!formats[file.mediaType]?.includes(format)) throw notDrawable(part, 'is of two types at once');
  if (width * height > pixelsMax) throw notDrawable(part, `has more than ${pixelsMax} pixels`);
  return { image, width: autoOrient.width, height: autoOrient.height };
}

function notDrawable(part: string, message: string) {
  return refusals.invalidBody(`/${part}`, 'not_an_image', `${message}: send JPEG, PNG, WebP, GIF, AVIF or TIFF`);
}

type Sharp = typeof import('sharp').default;
let loading: Promise<Sharp> | undefined;

/** Loaded with the first photo: it takes some twenty megabytes, which those who have no photos do without. */
function loadSharp(): Promise<Sharp> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    // Everything that reads is shut, but for what photos are made of: libvips would read SVG, PDF and its own formats as well.
    sharp.block({ operation: ['VipsForeignLoad'] });
    const readers = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'];
    sharp.unblock({ operation: readers.map((name) => `VipsForeignLoad${name}File`) });
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loading;
}
