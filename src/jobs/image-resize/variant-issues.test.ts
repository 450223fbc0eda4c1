import { describe, expect, it } from "vitest";
import type { Variant } from "./variant.ts";
import { variantIssues } from "./variant-issues.ts";

describe("a variant", () => {
  it.each<[Variant, string[]]>([
    [{ width: 9, height: 9, crop: "attention" }, []],
    [{ width: 9, crop: "attention" }, ["/crop"]],
    [{ width: 9, height: 9, fit: "inside", crop: "entropy" }, ["/crop"]],
    [{ width: 9, height: 9, focus: { x: 0, y: 1 } }, []],
    [{ width: 9, height: 9, focus: { x: 0, y: 1 }, crop: "center" }, ["/focus"]],
    [{ width: 9, height: 9, fit: "contain", focus: { x: 0, y: 1 } }, ["/focus"]],
    [{ animated: true, format: "webp" }, []],
    [{ animated: true, width: 9, format: "avif" }, ["/animated"]],
    [{ animated: true, width: 9, height: 9, crop: "entropy" }, ["/crop"]],
    [{ animated: true, width: 9, watermark: { artifact: "" } }, ["/watermark"]],
    [{ format: "gif", quality: 50 }, ["/quality"]],
    [{ blur: 2 }, []],
    [{ animated: true }, ["/width"]],
    [
      { format: "png", animated: true, quality: 3, crop: "attention", focus: { x: 0, y: 0 } },
      ["/crop", "/focus", "/focus", "/animated", "/crop"],
    ],
  ])("%j has issues at %j", (variant, paths) =>
    expect(variantIssues(variant, "").map(({ path }) => path)).toEqual(paths),
  );
});
