import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ModelError } from '../assets/model/building-model.ts';
import { importModel } from '../assets/model/import-model.ts';
import { readModelApart } from '../assets/model/model-reader.ts';
import { formatReport, type ModelReport } from '../assets/model/model-report.ts';
import { rollBack } from '../assets/model/model-store.ts';
import type { UnitSystem } from '../assets/model/model-units.ts';
import type { ModelFormat } from '../assets/model/read-model.ts';
import { findUnit } from '../assets/units.ts';
import type { Db } from '../platform/database.ts';
import { isTimeZone } from '../platform/time-zone.ts';
import { findTenantId } from './find-tenant.ts';
import { runTelemetryImport } from './import-telemetry.ts';
import { print, printJson } from './rules/print.ts';
import { withDatabase } from './with-database.ts';

const usage = `usage: faultline import FILE [options]
       faultline import telemetry FILE --columns MAP --site SLUG: measurements; --help tells more

  FILE                    a Brick model in Turtle (.ttl) or a Project Haystack grid in JSON
  --site SLUG             the site that everything belongs to; without it the sites of the model, made where they are new
  --tenant NAME           the tenant, where there are several
  --format brick|haystack what the file is; told from its beginning otherwise
  --source NAME           tells several models of one site apart; the format otherwise
  --time-zone ZONE        the IANA time zone of the site
  --discovery on|off      whether readings of unknown points make them at these sites; off at a new one otherwise
  --assume-units si|us    the units of quantities that state none, as in models of Brick 1.0
  --retire-vanished       retire equipment that an earlier import made and the model no longer has
  --dry-run               tell what would happen, and change nothing
  --json                  the report as JSON`;

const bytesMax = 256 * 1_048_576;
const limits = { msMax: 300_000, memoryMbMax: 4_096 };

/** `faultline import FILE`: imports a building model, or with `telemetry` a file of measurements, and prints what became of it. Resolves with the exit code. */
export async function runImport(argv: string[]): Promise<number> {
  const [what, ...rest] = argv;
  if (what === 'telemetry') return runTelemetryImport(rest);
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      site: { type: 'string' },
      tenant: { type: 'string' },
      format: { type: 'string' },
      source: { type: 'string' },
      'time-zone': { type: 'string' },
      discovery: { type: 'string' },
      'assume-units': { type: 'string' },
      'retire-vanished': { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [file, ...others] = positionals;
  if (values.help || file === undefined || others.length > 0) {
    print(usage);
    return values.help ? 0 : 2;
  }
  const given = check(values);
  const text = await readModelFile(file);
  const model = await readModelApart({ text, format: given.format, options: given.options }, limits).catch(
    (cause: unknown) => {
      if (!(cause instanceof ModelError)) throw cause;
      throw new Error(`${file}${cause.line === null ? '' : `:${cause.line}`}: ${cause.message}`, { cause });
    },
  );
  const report = await withDatabase(async ({ db }) => {
    const tenantId = await findTenantId(db, values.tenant);
    const options = {
      tenantId,
      source: values.source ?? model.format,
      makeSites: true,
      retireVanished: values['retire-vanished'],
      forceTimeZone: values['time-zone'] !== undefined,
      discovery: given.discovery,
      findUnit: (name: string) => findUnit(name)?.id,
    };
    const write = (trx: Db) => importModel(trx, model, options);
    return values['dry-run'] ? { ...(await rollBack(db, write)), dry_run: true } : db.transaction().execute(write);
  });
  show(report, values.json);
  return 0;
}

type Given = {
  site?: string;
  format?: string;
  source?: string;
  'time-zone'?: string;
  discovery?: string;
  'assume-units'?: string;
};

function check(values: Given) {
  const { site, format, source, 'time-zone': timeZone, discovery, 'assume-units': assumeUnits } = values;
  if (site !== undefined && !/^[a-z0-9][a-z0-9-]{0,62}$/.test(site)) {
    throw new Error(`--site ${site}: a slug has small letters, digits and hyphens`);
  }
  if (format !== undefined && format !== 'brick' && format !== 'haystack')
    throw new Error(`--format ${format}: brick or haystack`);
  if (source !== undefined && !/^[\w.-]{1,64}$/.test(source))
    throw new Error(`--source ${source}: letters, digits, dots and hyphens`);
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw new Error(`--time-zone ${timeZone}: an IANA zone such as Europe/Berlin`);
  if (discovery !== undefined && discovery !== 'on' && discovery !== 'off')
    throw new Error(`--discovery ${discovery}: on or off`);
  if (assumeUnits !== undefined && assumeUnits !== 'si' && assumeUnits !== 'us')
    throw new Error(`--assume-units ${assumeUnits}: si or us`);
  return {
    format: (format ?? null) as ModelFormat | null,
    discovery: discovery === undefined ? undefined : discovery === 'on',
    options: {
      site: site ?? null,
      siteName: null,
      timeZone: timeZone ?? null,
      assumeUnits: (assumeUnits ?? null) as UnitSystem | null,
    },
  };
}

async function readModelFile(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > bytesMax)
    throw new Error(`${file} has ${size} bytes; a model of at most ${bytesMax} bytes can be imported`);
  return readFile(file, 'utf8');
}

function show(report: ModelReport, asJson: boolean): void {
  if (asJson) printJson(report);
  else for (const line of formatReport(report)) print(line);
}
