/**
 * All readings of one point over a span, as two columns in the order of time: epoch milliseconds (microseconds as the fraction)
 * and values. A reading that is not of good quality, or that holds no number, is NaN: it ends the value before it and is
 * none itself. Of readings with the same time the last one counts.
 */
export type PointColumn = { readonly times: Float64Array; readonly values: Float64Array };
