/** Whether a person modelled a thing or a reading made it known. */
export const origins = ['modelled', 'discovered'] as const;
