import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { runImport } from '../src/cli/import.ts';
import { createTestDatabase } from './support/database.ts';
import { haystackSite } from './support/models.ts';

describe('faultline import', () => {
  test('makes the site of the model, tells what it did, and does nothing the second time', async () => {
    const testDatabase = await createTestDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'faultline-model-'));
    const written: string[] = [];
    const output = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    vi.stubEnv('DATABASE_URL', testDatabase.url);
    try {
      const file = join(folder, 'shop.json');
      await writeFile(file, haystackSite);
      await expect(runImport([file])).rejects.toThrow('there is no tenant yet');
      const client = new pg.Client({ connectionString: testDatabase.url });
      await client.connect();
      await client.query(`insert into tenant (id, name) values (gen_random_uuid(), 'T')`);
      expect(await runImport([file, '--dry-run'])).toBe(0);
      expect((await client.query('select count(*)::int as n from asset')).rows).toEqual([{ n: 0 }]);
      expect(await runImport([file])).toBe(0);
      expect(written.join('')).toContain('Site shop (America/Chicago, new)');
      written.length = 0;
      expect(await runImport([file, '--json'])).toBe(0);
      expect(JSON.parse(written.join(''))).toMatchObject({
        equipment: { created: 0, unchanged: 2 },
        sites: [{ slug: 'shop', created: false }],
      });
      expect((await client.query('select slug, time_zone from site')).rows).toEqual([
        { slug: 'shop', time_zone: 'America/Chicago' },
      ]);
      const discovers = async () => (await client.query('select discovery from site')).rows[0].discovery;
      expect(await discovers()).toBe(false);
      expect(await runImport([file, '--discovery', 'on'])).toBe(0);
      expect(await runImport([file])).toBe(0);
      expect(await discovers()).toBe(true);
      await expect(runImport([file, '--discovery', 'yes'])).rejects.toThrow('--discovery');
      await client.end();
      await expect(runImport([file, '--site', 'No Slug'])).rejects.toThrow('--site');
      await expect(runImport([file, '--format', 'brick'])).rejects.toThrow(`${file}:1: this is not Turtle`);
      expect(await runImport([])).toBe(2);
    } finally {
      vi.unstubAllEnvs();
      output.mockRestore();
      await rm(folder, { recursive: true });
      await testDatabase.drop();
    }
  });
});
