/** The storage engine that the run has. Tests of the other one are skipped; their name says so, and what they need. */
export const isHypertable = Boolean(process.env.TIMESCALE_URL);
export const needsTimescale = isHypertable ? '' : ' (skipped: needs TIMESCALE_URL)';
export const needsPartitions = isHypertable ? ' (skipped: needs a run without TIMESCALE_URL)' : '';
