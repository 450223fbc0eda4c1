// Loaded before a replica (node --import): shifts its wall clock by CHAOS_SKEW_MS, but not its monotonic clock.
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
