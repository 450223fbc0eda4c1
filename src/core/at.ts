/** The element at `index` of a list that must have one. @throws Error where it has none */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const element = list[index];
  if (element === undefined && !(index in list)) throw new Error(`no element ${index} of ${list.length}`);
  return element as T;
}
