/** Errors that name the setting which has made something impossible. */

/** Work that a setting can make impossible: its error names the setting. */
export async function naming<T>(setting: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Error(`${setting} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** Opens a door on the port that a setting says: its error names the setting, or HOST. */
export async function listening<T>(setting: string, port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL') throw new Error(`HOST cannot be used: ${message}`, { cause });
    if (code !== 'EADDRINUSE') throw cause;
    throw new Error(`${setting} ${port} is taken by another program; set ${setting} to a free port`, { cause });
  }
}
