/** A name of a program as people write it: `IN_REVIEW` becomes `In review`, `oldPassword` becomes `Old password`. */
export function spelled(name: string): string {
  const plain = name.replace(/[_-]|(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
