/** The element at an index that must exist. @throws Error if it does not: that is a bug of the caller */
export function at<T>(list: ArrayLike<T>, index: number): T {
  if (index < 0 || index >= list.length) throw new Error(`no element ${index} of ${list.length}`);
  return list[index] as T;
}
