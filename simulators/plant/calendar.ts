/**
 * The plant's own time: whole seconds since a Monday at 00:00, local to the plant. Nothing here reads a clock; whoever
 * steps the plant says how much time has passed.
 */
export const secondsPerHour = 3600;
export const secondsPerDay = 86_400;

/** The hour of the day, 0 to 24, of a plant time. */
export function hourOf(plantSeconds: number): number {
  return (plantSeconds % secondsPerDay) / secondsPerHour;
}

/** Whether the building is in use: Monday to Friday, 06:00 to 20:00. */
export function isOccupied(plantSeconds: number): boolean {
  const weekday = Math.floor(plantSeconds / secondsPerDay) % 7;
  const hour = hourOf(plantSeconds);
  return weekday < 5 && hour >= 6 && hour < 20;
}

/** A plant time as people write it, `Mon 10:05`. */
export function formatPlantTime(plantSeconds: number): string {
  const weekday = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][Math.floor(plantSeconds / secondsPerDay) % 7];
  const minutes = Math.floor((plantSeconds % secondsPerDay) / 60);
  return `${weekday} ${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
