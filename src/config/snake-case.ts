import { z } from 'zod';

type ObjectSchema<Shape extends z.ZodRawShape> = z.ZodType<
  z.output<z.ZodObject<Shape>>,
  Readonly<Record<string, unknown>>
>;

/**
 * A strict object whose keys are written `in_snake_case` in the file and come out `inCamelCase`, as the code's types
 * have them.
 */
export function snakeCase<Shape extends z.ZodRawShape>(shape: Shape): ObjectSchema<Shape> {
  const camelNames = new Map(Object.keys(shape).map(camel => [toSnake(camel), camel]));
  const inFile = z.strictObject(
    Object.fromEntries(Object.entries(shape).map(([camel, schema]) => [toSnake(camel), schema])),
  );
  const renamed = inFile.transform(value =>
    Object.fromEntries(Object.entries(value).map(([key, part]) => [camelNames.get(key) ?? key, part])),
  );
  // The two shapes differ in their keys' spelling alone, which the type system cannot follow through a Map.
  return renamed as unknown as ObjectSchema<Shape>;
}

/** `slotRetainedBytes` → `slot_retained_bytes` */
export function toSnake(camel: string): string {
  return camel.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}
