/** A small house in Brick: an air handler with a coil, a valve, a fan and a damper, and a terminal that serves a zone. */
export const brickHouse = `
@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix unit: <http://qudt.org/vocab/unit/> .
@prefix b: <http://example.com/b#> .
b:house a brick:Building ; brick:hasPart b:floor .
b:floor a brick:Floor ; brick:hasPart b:room .
b:room a brick:Room .
b:zone a brick:HVAC_Zone ; brick:hasPart b:room ; brick:hasPoint b:zat .
b:AHU-9 a brick:AHU ; brick:hasPart b:coil, b:fan, b:damper ; brick:feeds b:VAV-9 ; brick:hasLocation b:floor ; brick:hasPoint b:sat ; brick:hasTag b:critical .
b:coil a brick:Chilled_Water_Coil ; brick:hasPart b:valve .
b:valve a brick:Chilled_Water_Valve ; brick:hasPoint b:cc .
b:fan a brick:Supply_Fan ; brick:hasPoint b:run .
b:damper a brick:Outside_Damper ; brick:hasPoint b:oad .
b:VAV-9 a brick:VAV ; brick:feeds b:zone .
b:sat a brick:Discharge_Air_Temperature_Sensor ; brick:hasUnit unit:DEG_F .
b:cc a brick:Position_Command ; brick:hasUnit unit:PERCENT .
b:run a brick:On_Off_Status .
b:oad a brick:Position_Command ; brick:hasUnit unit:PERCENT .
b:zat a brick:Zone_Air_Temperature_Sensor ; brick:hasUnit unit:FURLONG .
`;

/** A small site in Haystack 3: a rooftop unit with two points and a meter. */
export const haystackSite = JSON.stringify({
  meta: { ver: '3.0' },
  cols: [{ name: 'id' }],
  rows: [
    { id: 'r:s Shop', site: 'm:', dis: 'Shop', tz: 'Chicago' },
    { id: 'r:a', equip: 'm:', ahu: 'm:', rooftop: 'm:', siteRef: 'r:s', navName: 'RTU-1' },
    { id: 'r:m', equip: 'm:', elec: 'm:', meter: 'm:', siteRef: 'r:s', navName: 'Meter' },
    {
      id: 'r:t',
      point: 'm:',
      sensor: 'm:',
      temp: 'm:',
      air: 'm:',
      discharge: 'm:',
      equipRef: 'r:a',
      navName: 'DAT',
      unit: '°F',
    },
    {
      id: 'r:f',
      point: 'm:',
      cmd: 'm:',
      fan: 'm:',
      discharge: 'm:',
      equipRef: 'r:a',
      navName: 'Fan',
      kind: 'Bool',
      enum: 'off,on',
    },
    { id: 'r:k', point: 'm:', sensor: 'm:', power: 'm:', equipRef: 'r:m', navName: 'kW', unit: 'kW' },
  ],
});
