/**
 * The air handler's controller: supply air temperature by heating valve, economizer and cooling valve in sequence, duct
 * pressure by fan speed, both set-points reset (ASHRAE Guideline 36, 5.16.2 and 5.16.1, in outline).
 *
 * One controller runs at a time, and the sequence moves on when that one has rested at its limit for a while, which is
 * what keeps heating and cooling apart and the unit from hunting (the finite-state sequencing that APAR presumes):
 *
 *   off ──▶ free-cooling ◀──▶ heating          dampers at minimum, heating valve modulates
 *                 ▲  dampers modulate
 *                 └──▶ mechanical-cooling      cooling valve modulates; dampers fully open, or at minimum when it is warm out
 */
import { createPiController, type PiController } from './pi-controller.ts';

export type Mode = 'off' | 'heating' | 'free-cooling' | 'mechanical-cooling';

/** Commands, all 0..1. */
export type Commands = { fanSpeed: number; damper: number; coolingValve: number; heatingValve: number };

/** What the controller reads from its sensors: degC, Pa, and the most open terminal damper, 0..1. */
type Measurements = {
  occupied: boolean;
  supplyC: number;
  outdoorC: number;
  returnC: number;
  staticPa: number;
  damperMost: number;
};

export type AirHandlerControl = {
  mode(): Mode;
  supplySetpointC(): number;
  staticSetpointPa(): number;
  step(measured: Measurements, seconds: number): Commands;
};

/** Minimum outdoor-air damper position, 0..1. */
export const outdoorAirMin = 0.2;
const economizerHighLimitC = 21;
const restSeconds = 240;
const chatterSeconds = 600;
const supplyToleranceK = 0.3;
const staticSetpointMinPa = 150;
const staticSetpointMaxPa = 300;

/** A controller at rest, as after power-up with the building unoccupied. */
export function createAirHandlerControl(): AirHandlerControl {
  const fan = createPiController({ gain: 0.0008, integralSeconds: 25, low: 0.15, high: 1 });
  const heating = createPiController({ gain: 0.02, integralSeconds: 180, low: 0, high: 1 });
  const damper = createPiController({ gain: 0.025, integralSeconds: 180, low: outdoorAirMin, high: 1 });
  const cooling = createPiController({ gain: 0.05, integralSeconds: 130, low: 0, high: 1 });
  const positions = { heating: createDeadZone(0), cooling: createDeadZone(0), damper: createDeadZone(outdoorAirMin) };
  const economizer = createEconomizerSwitch();
  let mode: Mode = 'off';
  let supplyC = 20;
  let outdoorC: number | undefined;
  let supplySetpointC = 16;
  let staticSetpointPa = 200;
  let restedSeconds = 0;
  let resetSeconds = 0;

  function step(measured: Measurements, seconds: number): Commands {
    supplyC += (measured.supplyC - supplyC) * (1 - Math.exp(-seconds / 20));
    outdoorC =
      outdoorC === undefined ? measured.outdoorC : outdoorC + (measured.outdoorC - outdoorC) * (seconds / 1800);
    supplySetpointC = Math.round(10 * supplySetpointFor(outdoorC)) / 10;
    if (!measured.occupied) return rest();
    if (mode === 'off') enter('free-cooling', outdoorAirMin);
    resetStaticSetpoint(measured.damperMost, seconds);
    const economizing = economizer.step(measured, seconds);
    const temperature = controlTemperature(economizing, seconds);
    return { fanSpeed: fan.step(staticSetpointPa - measured.staticPa, seconds), ...temperature };
  }

  function rest(): Commands {
    mode = 'off';
    fan.startFrom(0.15);
    staticSetpointPa = 200;
    return { fanSpeed: 0, damper: 0, coolingValve: 0, heatingValve: 0 };
  }

  function controlTemperature(economizing: boolean, seconds: number): Omit<Commands, 'fanSpeed'> {
    const warm = supplyC - supplySetpointC;
    const wideOpen = economizing ? 1 : outdoorAirMin;
    switch (mode) {
      case 'off':
      case 'heating': {
        const valve = positions.heating(heating.step(-warm, seconds), seconds);
        if (rests(valve === 0 && warm > supplyToleranceK, seconds)) enter('free-cooling', outdoorAirMin);
        return { heatingValve: valve, damper: outdoorAirMin, coolingValve: 0 };
      }
      case 'free-cooling': {
        const position = economizing ? positions.damper(damper.step(warm, seconds), seconds) : outdoorAirMin;
        const tooWarm = position >= wideOpen && warm > supplyToleranceK;
        const tooCold = position <= outdoorAirMin && warm < -supplyToleranceK;
        if (rests(tooWarm || tooCold, seconds)) enter(tooWarm ? 'mechanical-cooling' : 'heating', 0);
        return { heatingValve: 0, damper: position, coolingValve: 0 };
      }
      case 'mechanical-cooling': {
        const valve = positions.cooling(cooling.step(warm, seconds), seconds);
        if (rests(valve === 0 && warm < -supplyToleranceK, seconds)) enter('free-cooling', wideOpen);
        return { heatingValve: 0, damper: wideOpen, coolingValve: valve };
      }
    }
  }

  function enter(next: Mode, output: number): void {
    const controllers: Record<Mode, PiController> = {
      off: damper,
      heating,
      'free-cooling': damper,
      'mechanical-cooling': cooling,
    };
    mode = next;
    restedSeconds = 0;
    controllers[next].startFrom(output);
  }

  function rests(atLimit: boolean, seconds: number): boolean {
    restedSeconds = atLimit ? restedSeconds + seconds : 0;
    return restedSeconds >= restSeconds;
  }

  /** Trim and respond every two minutes: down until a box is nearly open, then up again. */
  function resetStaticSetpoint(damperMost: number, seconds: number): void {
    resetSeconds += seconds;
    if (resetSeconds < 120) return;
    resetSeconds = 0;
    const wanted = staticSetpointPa + (damperMost > 0.9 ? 12 : -6);
    staticSetpointPa = Math.min(staticSetpointMaxPa, Math.max(staticSetpointMinPa, wanted));
  }

  return {
    mode: () => mode,
    supplySetpointC: () => supplySetpointC,
    staticSetpointPa: () => staticSetpointPa,
    step,
  };
}

/** 18 degC when it is 10 degC out or colder, 13 degC from 20 degC, linear between. */
function supplySetpointFor(outdoorC: number): number {
  return 18 - 5 * Math.min(1, Math.max(0, (outdoorC - 10) / 10));
}

/**
 * Keeps an actuator from chattering at its limits: it leaves one only for an output 4 % away, goes back only within 1 %,
 * and does either at most every ten minutes.
 */
function createDeadZone(low: number): (output: number, seconds: number) => number {
  let position = low;
  let heldSeconds = Number.POSITIVE_INFINITY;
  return (output, seconds) => {
    heldSeconds += seconds;
    const distance = Math.min(output - low, 1 - output);
    const nearest = output - low < 1 - output ? low : 1;
    const atLimit = position === low || position === 1;
    const wantsLimit = distance < (atLimit ? 0.04 : 0.01);
    if (atLimit !== wantsLimit && heldSeconds < chatterSeconds) {
      // Held where it is: at its limit, or just off the one that the output asks for.
      if (!atLimit) position = nearest === low ? low + 0.01 : 0.99;
      return position;
    }
    if (atLimit !== wantsLimit) heldSeconds = 0;
    position = wantsLimit ? nearest : output;
    return position;
  };
}

/**
 * Differential dry bulb with a fixed high limit: outdoor air is welcome while it is colder than the limit and than the
 * return air. One kelvin and ten minutes of hysteresis.
 */
function createEconomizerSwitch() {
  let on = true;
  let heldSeconds = Number.POSITIVE_INFINITY;
  return {
    step({ outdoorC, returnC }: Measurements, seconds: number): boolean {
      heldSeconds += seconds;
      const limitC = Math.min(economizerHighLimitC, returnC - 1);
      const wanted = on ? outdoorC < limitC + 0.5 : outdoorC < limitC - 0.5;
      if (wanted !== on && heldSeconds >= 600) {
        on = wanted;
        heldSeconds = 0;
      }
      return on;
    },
  };
}
