/** What restoring needs of a backup's manifest. */
interface Restorable {
  readonly database: string;
  readonly jobs: number;
  readonly format: 'directory' | 'plain';
  readonly encryption: object | null;
}

/**
 * The line of shell that restores a backup into a new database. Nobody's password is in it, libpq asks for one. An
 * encrypted dump is first decrypted into the folder `decrypted`, which whoever types it removes afterwards.
 */
export function restoreLine(directory: string, { database, jobs, format, encryption }: Restorable): string {
  const dump = `${directory}/dump`;
  const restored = shellWord(`${database}_restored`);
  const readable = encryption ? 'decrypted' : dump;
  const restore =
    format === 'plain'
      ? `gunzip --stdout ${shellWord(`${readable}/dump.sql.gz`)} | psql --no-psqlrc --single-transaction --set=ON_ERROR_STOP=1 --dbname=${restored}`
      : `pg_restore --exit-on-error --jobs=${jobs} --dbname=${restored} ${shellWord(readable)}`;
  const line = `createdb ${restored} && ${restore}`;
  return encryption ? `${decryptLine(dump)} && ${line}` : line;
}

/** A word that a shell takes as it is. */
export function shellWord(text: string): string {
  return /^[\w./+:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function decryptLine(dump: string): string {
  const decryption = 'age --decrypt --identity "$IDENTITY" --output "decrypted/$(basename "$file" .age)" "$file"';
  return `mkdir -m 700 decrypted && (for file in ${shellWord(dump)}/*.age; do ${decryption} || exit; done)`;
}
