import { entity, featureView, field, warehouseSource } from "../features/index.ts";

/** A month of flights: a batch that arrives, is examined and is loaded. */
export interface Month {
  /** For example `2001-02`. */
  readonly name: string;
  /** First instant, inclusive, and end, exclusive: SQL timestamps in UTC. */
  readonly start: string;
  readonly end: string;
}

/** January to June: one batch each. */
export const MONTHS: readonly Month[] = [1, 2, 3, 4, 5, 6].map(monthOf2001);

/** The file holds the first minutes of July too; they are for the batch after ours. */
export const NEXT_MONTH: Month = monthOf2001(7);

export const FLIGHTS_FILE = "flights-3m.parquet";
export const FLIGHTS_TABLE = "air.flights";
export const DAILY_TABLE = "air.airport_daily";

/** Airports are named by three letters; January alone has 223, more than inference lists by default. */
export const AIRPORTS_MAX = 400;

/** No flight leaves two hours early, and none of January's was later than this. Minutes. */
export const DELAY_RANGE = { min: -120, max: 1_688 } as const;

/** Jensen-Shannon divergence of a month's delays from those of the month before that is worth a look. */
export const DELAY_DRIFT_MAX = 0.05;

/** A flight this late counts as late. Minutes. */
export const LATE_MINUTES = 15;

/** With `quick`, one flight in so many is followed, chosen by arithmetic on its own fields. */
export const QUICK_STRIDE = 16;

/** One flight in {@link QUICK_STRIDE} of a relation of flights. */
export function quickRelation(flights: string): string {
  const choice = "distance * 31 + delay * 17 + length(origin || destination) + day(date)";
  return `(SELECT * FROM ${flights} AS f WHERE abs(${choice}) % ${QUICK_STRIDE} = 0)`;
}

function monthOf2001(month: number): Month {
  return {
    name: `2001-0${month}`,
    start: `2001-0${month}-01 00:00:00`,
    end: `2001-0${month + 1}-01 00:00:00`,
  };
}

/** The rows of a month in a relation of flights. */
export function monthOf(flights: string, month: Month): string {
  return `(SELECT * FROM ${flights} AS f WHERE ${monthCondition(month)})`;
}

/** The condition by which a flight is of a month. */
export function monthCondition({ start, end }: Month): string {
  return `date >= TIMESTAMP '${start}' AND date < TIMESTAMP '${end}'`;
}

/** A day of an airport is known only when it is over: its event time is the midnight after it. */
export function dailyRelation(flights: string): string {
  return `(
    SELECT
      origin AS airport,
      CAST(date_trunc('day', date) + INTERVAL 1 DAY AS TIMESTAMP) AS event_timestamp,
      count(*) AS flights,
      avg(delay) AS mean_delay,
      avg(CASE WHEN delay > ${LATE_MINUTES} THEN 1.0 ELSE 0.0 END) AS late_share
    FROM ${flights} AS f
    GROUP BY 1, 2
    ORDER BY 1, 2
  )`;
}

const DAY_SECONDS = 86_400;

const AIRPORT = entity({
  name: "airport",
  valueType: "STRING",
  description: "An airport, by its IATA code.",
});

export const AIRPORT_DAILY = featureView({
  name: "airport_daily",
  description: "How an airport's departures went on the last full day.",
  owner: "journey",
  entities: [AIRPORT],
  schema: [
    field("flights", "INT64", { description: "Departures of the day." }),
    field("mean_delay", "DOUBLE", { description: "Mean delay in minutes; early is negative." }),
    field("late_share", "DOUBLE", {
      description: `Share of departures more than ${LATE_MINUTES} minutes late.`,
    }),
  ],
  source: "airport_daily",
  ttlSeconds: 7 * DAY_SECONDS,
});

export const DEFINITIONS = {
  entities: [AIRPORT],
  sources: [
    warehouseSource({
      name: "airport_daily",
      table: DAILY_TABLE,
      timestampField: "event_timestamp",
      description: "Delays by airport and day, counted from the flights in the warehouse.",
    }),
  ],
  featureViews: [AIRPORT_DAILY],
};

export const FEATURES = ["flights", "mean_delay", "late_share"].map(
  (name) => `${AIRPORT_DAILY.name}:${name}`,
);

/** The half year whose last days are served. */
export const SERVED = {
  start: new Date("2001-01-01T00:00:00Z"),
  end: new Date("2001-07-01T00:00:00Z"),
} as const;

/** June's flights as labels: who left when, and how late. */
export function labelsOf(flights: string): string {
  return `(
    SELECT date AS event_timestamp, origin AS airport, delay
    FROM ${flights} AS f
    WHERE date >= TIMESTAMP '2001-06-01 00:00:00'
  )`;
}

/**
 * How well the airport's mean delay foretells a flight's own, as a correlation: with the value as it was
 * known at the flight's time, and with that of the flight's own day, which holds the answer.
 */
export function leakSql(trainingSet: string, daily: string): string {
  return `
    SELECT
      corr(t.delay, t.mean_delay) AS as_of,
      corr(t.delay, d.mean_delay) AS leaky
    FROM ${trainingSet} AS t
    JOIN ${daily} AS d
      ON d.airport = t.airport
     AND d.event_timestamp = date_trunc('day', t.event_timestamp) + INTERVAL 1 DAY`;
}
