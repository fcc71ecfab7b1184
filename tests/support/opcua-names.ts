/** How the nodes of the OPC-UA server of the tests are called; apart from what starts it, so that its process loads no more. */

export const numbersNamespace = 'urn:faultline:test:numbers';

/** The name of a numbered node. */
export const numberName = (index: number): string => `n${index}`;

/** The key of a node of the server by its name. */
export const nodeKey = (name: string): string => `nsu=${numbersNamespace};s=${name}`;
