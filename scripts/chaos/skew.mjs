// Loaded before a replica (node --import): its wall clock is wrong by CHAOS_SKEW_MS. The monotonic clock is not.
const RealDate = Date;
const skewMs = Number(process.env.CHAOS_SKEW_MS);

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + skewMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + skewMs;
  }
};
