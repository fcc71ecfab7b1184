import { afterAll, beforeAll, expect, test } from 'vitest';
import { addProgress, endImport, insertImport, startImport } from '../src/ingest/imports/import-store.ts';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(async () => {
  await api.close();
});

test('a batch of an import is counted once, however often its progress is told, and not after its end', async () => {
  const { db } = api.database;
  const { tenantId, campusId: siteId } = await makeWorld(api.database);
  const id = newId();
  await insertImport(db, { id, tenantId, siteId, holderId: newId(), columns: '', asset: null, fileName: null });
  await startImport(db, { id, bytes: 100 });
  const counts = { rows: 1, stored: 1, duplicates: 0, conflicts: 0, errors: [], ms: 1 };
  const tell = (bytes: number) => addProgress(db, id, { ...counts, end: { bytes, line: 2, lastTimes: {} } });
  expect([await tell(50), await tell(50), await tell(90)]).toEqual([true, true, true]);
  await endImport(db, { id, state: 'cancelled' });
  expect(await tell(95)).toBe(false);
  const { rows } = await api.database.pool.query(
    'select rows_read::int, stored::int, bytes_read::int from telemetry_import where id = $1',
    [id],
  );
  expect(rows).toEqual([{ rows_read: 2, stored: 2, bytes_read: 90 }]);
});
