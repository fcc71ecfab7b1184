import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { firstSite } from '../access/bootstrap.ts';
import { type Faultline, startFaultline } from '../main.ts';
import { readConfig } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { waitForSignal } from './signal.ts';

/** `faultline start`: runs until SIGTERM or SIGINT, then stops in order. Resolves with the exit code. */
export async function runStart(argv: string[]): Promise<number> {
  parseArgs({ args: argv, options: {} });
  const config = readConfig(process.env);
  const log = createLog(config.LOG_LEVEL);
  const stopped = waitForSignal();
  const faultline = await startFaultline(config, { log });
  print(faultline);
  log.info({ signal: await stopped }, 'stopping');
  await faultline.stop();
  return 0;
}

function print({ apiUrl, mqttUrls, made, storage, ruleCount }: Faultline): void {
  const lines = [`Faultline ${packageJson.version}: ${ruleCount} rules, readings in ${storage}`];
  if (apiUrl) lines.push(`API   ${apiUrl}`, `Docs  ${apiUrl}/documentation/`);
  for (const mqttUrl of mqttUrls) lines.push(`MQTT  ${mqttUrl}`);
  if (mqttUrls.length > 0) lines.push(`Topic telemetry/${firstSite.slug}/{asset}/{point}`);
  if (made.admin)
    lines.push(`User name and password, shown this once:  ${made.admin.username}  ${made.admin.password}`);
  if (made.apiKey !== undefined) lines.push(`API key, shown this once:  ${made.apiKey}`);
  if (made.device) {
    lines.push(`MQTT user name and password, shown this once:  ${made.device.username}  ${made.device.password}`);
  }
  console.log(lines.join('\n'));
}
