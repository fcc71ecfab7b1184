import { DataType, VariantArrayType } from 'node-opcua-client';
import { expect, test } from 'vitest';
import { describeShape, readField, shapeOf, Unreadable } from './field-value.ts';

const scalar = (dataType: DataType, value: unknown) => ({ dataType, arrayType: VariantArrayType.Scalar, value });
const matrix = {
  dataType: DataType.Int32,
  arrayType: VariantArrayType.Matrix,
  dimensions: [2, 3],
  value: [1, 2, 3, 4, 5, 6],
};
const structure = scalar(DataType.ExtensionObject, {
  inlet: { temperature: 12.5, Pressure: 200 },
  counts: [
    [0, 7],
    [1, 2],
  ],
  level: scalar(DataType.Int64, [0xffff_ffff, 0xffff_fffe]),
});

test.each([
  ['a number', scalar(DataType.Double, 1.5), '', 1.5],
  ['a truth', scalar(DataType.Boolean, false), '', 0],
  ['a text', scalar(DataType.String, 'on'), '', 'on'],
  ['no number', scalar(DataType.Double, Number.NaN), '', null],
  ['an infinity', scalar(DataType.Float, Number.POSITIVE_INFINITY), '', null],
  ['nothing', scalar(DataType.Null, null), '', null],
  ['nothing at all', null, '[1]', null],
  ['a negative wide number', scalar(DataType.Int64, [0xffff_ffff, 0xffff_ffff]), '', -1],
  ['a wide number without a sign', scalar(DataType.UInt64, [0x8000_0000, 0]), '', 2 ** 63],
  ['a time', scalar(DataType.DateTime, new Date(0)), '', '1970-01-01T00:00:00.000Z'],
  ['a status', scalar(DataType.StatusCode, { value: 0x8034_0000 }), '', 0x8034_0000],
  ['an element of a matrix', matrix, '[1,2]', 6],
  ['an element of a matrix, flat', matrix, '[4]', 5],
  ['a member', structure, 'inlet.temperature', 12.5],
  ['a member with a capital', structure, 'Inlet.Temperature', 12.5],
  ['a member whose capital is its own', structure, 'Inlet.Pressure', 200],
  ['an element that is wide', structure, 'counts[0]', 7],
  ['a variant within', structure, 'Level', -2],
])('of %s', (_, variant, field, value) => {
  expect(readField(variant, field)).toBe(value);
});

test.each([
  ['an array as a whole', matrix, '', /must name an element/],
  ['an element beyond the end', matrix, '[6]', /no element 6/],
  ['an element beyond a dimension', matrix, '[0,3]', /no such element/],
  ['too many dimensions', matrix, '[0,0,0]', /no 3 dimensions/],
  ['an element of what is no array', scalar(DataType.Double, 1), '[0]', /no array/],
  ['a member that is not there', structure, 'Outlet.Temperature', /no field "Outlet"/],
  ['a structure as a whole', structure, 'Inlet', /must name a field/],
  ['bytes', scalar(DataType.ByteString, Buffer.from('x')), '', /no scalar/],
])('%s says why it is none', (_, variant, field, why) => {
  const read = readField(variant, field);
  expect(read).toBeInstanceOf(Unreadable);
  expect((read as Unreadable).why).toMatch(why);
});

test('type and rank are one number, and have a name', () => {
  expect(describeShape(shapeOf(matrix))).toBe('Int32[]');
  expect(describeShape(shapeOf(scalar(DataType.Double, 1)))).toBe('Double');
  expect(shapeOf(scalar(DataType.Null, null))).toBe(-1);
});
