/** Units by the names that the instruments use, with their common codes (UNECE Recommendation 20; OPC 10000-8, 5.6.3). */
import { type EUInformation, makeEUInformation } from 'node-opcua';

export const engineeringUnits: Readonly<Record<string, EUInformation>> = {
  degC: makeEUInformation('CEL', '°C', 'degree Celsius'),
  K: makeEUInformation('KEL', 'K', 'kelvin'),
  '%': makeEUInformation('P1', '%', 'percent'),
  kPa: makeEUInformation('KPA', 'kPa', 'kilopascal'),
  kW: makeEUInformation('KWT', 'kW', 'kilowatt'),
  kWh: makeEUInformation('KWH', 'kW·h', 'kilowatt hour'),
  A: makeEUInformation('AMP', 'A', 'ampere'),
  h: makeEUInformation('HUR', 'h', 'hour'),
  rpm: makeEUInformation('RPM', 'r/min', 'revolutions per minute'),
  'L/s': makeEUInformation('G51', 'l/s', 'litre per second'),
  'mm/s': makeEUInformation('C16', 'mm/s', 'millimetre per second'),
  'uS/cm': makeEUInformation('G42', 'µS/cm', 'microsiemens per centimetre'),
};
