import type pg from 'pg';

/** A value that a database takes no reading of once it was told so. */
export const unstorable = 666;

/** The database takes no reading of 666 from now on, and says that it is not this one. */
export async function refuseReadings(pool: pg.Pool): Promise<void> {
  await pool.query(`
    create function refuse_reading() returns trigger language plpgsql as
      $$ begin raise exception 'not this one' using errcode = '22003'; end $$;
    create trigger refuse_reading before insert on reading
      for each row when (new.value = ${unstorable}) execute function refuse_reading()`);
}
