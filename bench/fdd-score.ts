import type { LabelledDay } from './fdd-days.ts';

/** One insight as the back-test prints it, as far as the score needs it. */
export type Fired = { rule: string; day: string; opened_at: string; suppressed_by: string | null; work_order: boolean };

/** A day with what fired on it. `minutesToDetect` runs from the first minute with the supply fan on to the first insight. */
export type ScoredDay = LabelledDay & { fired: Fired[]; workOrders: number; minutesToDetect: number | null };

export type Score = {
  days: number;
  faulted: number;
  detected: number;
  falseAlarms: number;
  precision: number;
  recall: number;
  workOrders: number;
  workOrdersPerFaultedDay: number;
  workOrdersPerFaultedDayMost: number;
  falseWorkOrders: number;
  minutesToDetectMedian: number | null;
  minutesToDetectMost: number | null;
};

/** How often a rule fired on the days of one kind of fault: as what people are told, and suppressed by another rule. */
export type FaultRow = {
  fault: string;
  days: number;
  detected: number;
  rules: Map<string, { alone: number; suppressed: number }>;
};

/** The days of a unit joined with the insights of the same day. */
export function scoreDays(days: LabelledDay[], insights: Fired[]): ScoredDay[] {
  const byDay = Map.groupBy(insights, ({ day }) => day);
  return days.map((day) => {
    const fired = (byDay.get(day.day) ?? []).toSorted((a, b) => a.opened_at.localeCompare(b.opened_at));
    const [first] = fired;
    const isTimed = first !== undefined && day.fault !== null && day.airAt !== null;
    const minutesToDetect = isTimed ? (Date.parse(first.opened_at) - (day.airAt as number)) / 60_000 : null;
    return { ...day, fired, workOrders: fired.filter((one) => one.work_order).length, minutesToDetect };
  });
}

/** Precision and recall by day (did any rule fire on it?), work orders and times over a set of days; NaN where nothing is divided. */
export function summarize(days: ScoredDay[]): Score {
  const faulted = days.filter(({ fault }) => fault !== null);
  const healthy = days.filter(({ fault }) => fault === null);
  const detected = faulted.filter(({ fired }) => fired.length > 0).length;
  const falseAlarms = healthy.filter(({ fired }) => fired.length > 0).length;
  const workOrders = sum(faulted.map((day) => day.workOrders));
  const minutes = faulted.flatMap(({ minutesToDetect }) => minutesToDetect ?? []).sort((a, b) => a - b);
  return {
    days: days.length,
    faulted: faulted.length,
    detected,
    falseAlarms,
    precision: detected / (detected + falseAlarms),
    recall: detected / faulted.length,
    workOrders,
    workOrdersPerFaultedDay: workOrders / faulted.length,
    workOrdersPerFaultedDayMost: Math.max(0, ...faulted.map((day) => day.workOrders)),
    falseWorkOrders: sum(healthy.map((day) => day.workOrders)),
    minutesToDetectMedian: minutes[Math.floor((minutes.length - 1) / 2)] ?? null,
    minutesToDetectMost: minutes.at(-1) ?? null,
  };
}

/** Which rules fired on which kind of fault; healthy days are a row of their own. A rule counts once a day. */
export function tabulate(days: ScoredDay[]): FaultRow[] {
  return [...Map.groupBy(days, ({ fault }) => fault ?? 'unfaulted')].map(([fault, own]) => {
    const rules: FaultRow['rules'] = new Map();
    for (const { fired } of own) {
      for (const [rule, insights] of Map.groupBy(fired, (one) => one.rule)) {
        const count = rules.get(rule) ?? { alone: 0, suppressed: 0 };
        if (insights.some((one) => one.suppressed_by === null)) count.alone++;
        else count.suppressed++;
        rules.set(rule, count);
      }
    }
    return { fault, days: own.length, detected: own.filter(({ fired }) => fired.length > 0).length, rules };
  });
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
