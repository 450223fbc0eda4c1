/**
 * The element at an index that the caller knows to exist.
 * @throws Error `no element N of M` if the list has no such index
 */
export function at<T>(list: ArrayLike<T>, index: number): T {
  if (!(index >= 0 && index < list.length)) throw new Error(`no element ${index} of ${list.length}`);
  return list[index] as T;
}
