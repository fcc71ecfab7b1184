-- The picture of a piece of equipment: {file_id, thumbnail_id, media_type, bytes, sha256, width, height}, its files being kept with it.
alter table asset add column image jsonb check (image ? 'file_id' and image ? 'thumbnail_id');
