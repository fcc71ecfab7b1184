/** The plants of a demonstration, whichever way they speak. */
import { startPlant } from '../../simulators/plant-device.ts';
import { firstSite } from '../access/bootstrap.ts';
import type { Faultline } from '../main.ts';

export type DemoPlant = {
  /** Switches the fault of the story on, and says what it is. */
  inject(): string;
  /** Readings that are stored so far. */
  acknowledged(): number;
  close(): Promise<void>;
};

export type PlantStage = {
  readonly faultline: Faultline;
  readonly tell: (text: string) => void;
  readonly timeScale: number;
};
export type PlantStart = (stage: PlantStage) => Promise<DemoPlant>;

/** A gateway with an air handler and a pump, over MQTT. */
export async function startMqttPlant({ faultline, timeScale }: PlantStage): Promise<DemoPlant> {
  const { mqttUrls, made } = faultline;
  const plant = await startPlant({
    url: mqttUrls[0] ?? '',
    username: made.device?.username,
    password: made.device?.password,
    site: firstSite.slug,
    timeScale,
    describe: true,
  });
  return {
    inject: () => {
      plant.inject('bearing-wear');
      return 'the bearing of pump-1 begins to wear';
    },
    acknowledged: plant.acknowledged,
    close: plant.close,
  };
}
