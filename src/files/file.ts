/** A file whose bytes are kept. */
export type KeptFile = {
  readonly id: string;
  readonly tenantId: string;
  readonly storage: 'disk' | 's3';
  readonly holderId: string | null;
  readonly bytes: number;
  readonly sha256: Buffer;
  readonly mediaType: string;
  readonly createdAt: Date;
};
