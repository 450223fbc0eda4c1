import { createHash } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { RetryableError } from "../core/job-type.ts";
import { StartError } from "../errors.ts";
import { atAnotherTime } from "../testing/another-time.ts";
import { contentTypeOf } from "./content-type.ts";
import { openFolderStore } from "./folder-store.ts";
import type { ArtifactKey } from "./key.ts";
import { openArtifactStore } from "./settings.ts";
import type { ByteRange, StoredArtifact } from "./store.ts";

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const OTHER_ID = "01890a5d-ac96-7000-bdef-b302099a8058";
const key: ArtifactKey = { jobId: JOB_ID, attempt: 1, name: "report.csv" };
const roots: string[] = [];

afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true });
});

async function setup() {
  const root = await realpath(await mkdtemp(join(tmpdir(), "artifacts-")));
  roots.push(root);
  const store = await openArtifactStore({ ARTIFACTS_DIR: root });
  const temporaries = () => readdir(join(root, "tmp"));
  const pathOf = ({ jobId, attempt, name }: ArtifactKey) =>
    join(root, jobId.slice(20, 23), jobId, String(attempt), name);
  return { root, store, temporaries, pathOf };
}

async function textOf(stored: StoredArtifact | undefined, range?: ByteRange): Promise<string | undefined> {
  return stored && text(stored.read(range));
}

describe("a folder of artifacts", () => {
  it("returns the written bytes, with their length, hash, type and tag", async () => {
    const { store, temporaries, root } = await setup();
    const content = Buffer.from("id,name\r\n1,Ada\r\n");
    const written = await store.write(key, Readable.from([content.subarray(0, 5), content.subarray(5)]));
    expect(written).toEqual({ bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") });
    const stored = await store.open(key);
    expect(stored).toMatchObject({
      bytes: content.length,
      contentType: "text/csv; charset=utf-8",
      etag: expect.stringMatching(/^"[0-9a-z-]+"$/) as string,
    });
    expect(stored?.modifiedAt.getTime()).toBeCloseTo(Date.now(), -5);
    expect(await textOf(stored)).toBe(content.toString());
    expect(await textOf(stored, { start: 3, end: 6 })).toBe("name");
    expect(await temporaries()).toEqual([]);
    expect((await readdir(root)).sort()).toEqual(["abc", "tmp"]);
  });

  it("closes the files that it creates to other users, and shares them with the group if the group may enter the folder", async () => {
    const { root: parent } = await setup();
    const modesBelow = async (root: string): Promise<string[]> => {
      await (await openFolderStore(root)).write(key, Buffer.from("1"));
      const paths = (await readdir(root, { recursive: true })).map((name) => join(root, name));
      return [
        ...new Set(
          await Promise.all([root, ...paths].map(async (path) => ((await stat(path)).mode & 0o777).toString(8))),
        ),
      ].sort();
    };
    expect(await modesBelow(join(parent, "new"))).toEqual(["600", "700"]);
    await mkdir(join(parent, "shared"), { recursive: true });
    await chmod(join(parent, "shared"), 0o750);
    expect(await modesBelow(join(parent, "shared"))).toContain("640");
  });

  it("replaces a whole artifact when the same key is written again", async () => {
    const { store } = await setup();
    await store.write(key, Buffer.from("first and longer"));
    const before = await store.open(key);
    await store.write(key, Buffer.from("second"));
    const after = await store.open(key);
    expect(await textOf(after)).toBe("second");
    expect(after?.etag).not.toBe(before?.etag);
  });

  it("stores nothing if the source of an artifact fails, and removes the temporary file", async () => {
    const { store, temporaries } = await setup();
    const failing = Readable.from(
      (function* () {
        yield Buffer.from("half of it");
        throw new Error("the source broke");
      })(),
    );
    await expect(store.write(key, failing)).rejects.toThrow("the source broke");
    expect(await store.open(key)).toBeUndefined();
    expect(await temporaries()).toEqual([]);
  });

  it("reports a full disk as a retryable error", async () => {
    const { store, temporaries } = await setup();
    const full = Readable.from(
      (function* () {
        yield Buffer.from("half of it");
        throw Object.assign(new Error("write"), { code: "ENOSPC" });
      })(),
    );
    const thrown: unknown = await store.write(key, full).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RetryableError);
    expect(thrown).toMatchObject({ code: "disk_full" });
    expect(await temporaries()).toEqual([]);
  });

  it("writes and shows nothing outside the root", async () => {
    const { store, root } = await setup();
    for (const name of ["../x", "a/b", ".hidden", "", "a\0b", "x".repeat(129), "ä"]) {
      const source = Readable.from([Buffer.from("x")]);
      await expect(store.write({ ...key, name }, source), name).rejects.toMatchObject({ code: "artifact_key_invalid" });
      expect(source.destroyed).toBe(true);
      expect(await store.open({ ...key, name })).toBeUndefined();
      expect(await store.find(JOB_ID, name)).toBeUndefined();
    }
    await expect(store.write({ ...key, jobId: "../../etc" }, Buffer.from("x"))).rejects.toMatchObject({
      code: "artifact_key_invalid",
    });
    await expect(store.write({ ...key, attempt: 0 }, Buffer.from("x"))).rejects.toMatchObject({
      code: "artifact_key_invalid",
    });
    expect(await readdir(root)).toEqual(["tmp"]);
  });

  it("follows no link below the root", async () => {
    const { store, root, pathOf } = await setup();
    const outside = await realpath(await mkdtemp(join(tmpdir(), "outside-")));
    roots.push(outside);
    await writeFile(join(outside, "secret.txt"), "secret");
    await mkdir(dirname(pathOf(key)), { recursive: true });
    await symlink(join(outside, "secret.txt"), pathOf(key));
    expect(await store.open(key)).toBeUndefined();
    await mkdir(join(root, "def", OTHER_ID), { recursive: true });
    await symlink(outside, join(root, "def", OTHER_ID, "1"));
    await expect(store.write({ ...key, jobId: OTHER_ID }, Buffer.from("x"))).rejects.toMatchObject({
      code: "artifact_folder_linked",
    });
    expect(await readdir(outside)).toEqual(["secret.txt"]);
  });

  it("opens no folder as an artifact", async () => {
    const { store, pathOf } = await setup();
    await mkdir(pathOf(key), { recursive: true });
    expect(await store.open(key)).toBeUndefined();
  });

  it("finds the newest attempt that has a name", async () => {
    const { store } = await setup();
    for (const attempt of [2, 10, 1]) await store.write({ ...key, attempt }, Buffer.from(`of ${attempt}`));
    await store.write({ ...key, attempt: 11, name: "other.csv" }, Buffer.from("another"));
    expect(await store.find(JOB_ID, key.name)).toEqual({ ...key, attempt: 10 });
    expect(await store.find(JOB_ID, "none.csv")).toBeUndefined();
    expect(await store.find(OTHER_ID, key.name)).toBeUndefined();
  });

  it("removes old artifacts and folders that become empty, and keeps young artifacts", async () => {
    const { store, root, pathOf, temporaries } = await setup();
    const old = { ...key, jobId: OTHER_ID };
    await store.write(old, Buffer.from("old"));
    await store.write(key, Buffer.from("old"));
    await store.write({ ...key, attempt: 2 }, Buffer.from("young"));
    await writeFile(join(root, "tmp", "abandoned"), "");
    await writeFile(join(root, "tmp", "under-way"), "");
    const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
    const emptied = [pathOf(old), pathOf(key)].flatMap((path) => [path, dirname(path)]);
    for (const path of [...emptied, join(root, "def", OTHER_ID), join(root, "tmp", "abandoned")])
      await utimes(path, twoDaysAgo, twoDaysAgo);
    expect(await store.removeOlderThan(86_400_000)).toBe(2);
    expect(await store.open(key)).toBeUndefined();
    expect(await store.find(JOB_ID, key.name)).toEqual({ ...key, attempt: 2 });
    expect(await readdir(join(root, "def"))).toEqual([]);
    expect(await readdir(join(root, "abc", JOB_ID))).toEqual(["2"]);
    expect(await temporaries()).toEqual(["under-way"]);
  });

  it.each([40, -40])("removes nothing if the clock is %d days wrong", async (days) => {
    const { store, temporaries } = await setup();
    await store.write(key, Buffer.from("x"));
    expect(await atAnotherTime(days, () => store.removeOlderThan(-60_000))).toMatchObject({ code: "clocks_differ" });
    expect(await store.open(key)).toBeDefined();
    expect(await temporaries()).toEqual([]);
  });

  it("ends an aborted removal, and keeps the artifacts that it has not reached", async () => {
    const { store } = await setup();
    await store.write(key, Buffer.from("old"));
    await expect(store.removeOlderThan(-60_000, AbortSignal.abort())).rejects.toThrow(/aborted/);
    expect(await store.open(key)).toBeDefined();
  });

  it("loses no artifact to removals that run while it is written", async () => {
    const { store, root } = await setup();
    const sibling = await openFolderStore(root);
    let isWriting = true;
    const removals = (async () => {
      while (isWriting) await sibling.removeOlderThan(86_400_000);
    })();
    for (let attempt = 1; attempt <= 100; attempt++)
      await store.write({ ...key, attempt }, Buffer.from(`of ${attempt}`));
    isWriting = false;
    await removals;
    for (let attempt = 1; attempt <= 100; attempt++) expect(await store.open({ ...key, attempt })).toBeDefined();
  });

  it("removes all artifacts of a job, and none of another", async () => {
    const { store, root } = await setup();
    const other = { ...key, jobId: OTHER_ID };
    for (const one of [key, { ...key, name: "b.txt" }, { ...key, attempt: 12 }, other])
      await store.write(one, Buffer.from("x"));
    for (let calls = 1; calls <= 2; calls++) {
      await store.removeJob(JOB_ID);
      expect(await store.find(JOB_ID, key.name)).toBeUndefined();
      expect(await readdir(join(root, "abc"))).toEqual([]);
    }
    expect(await textOf(await store.open(other))).toBe("x");
    await store.write(key, Buffer.from("again"));
    expect(await textOf(await store.open(key))).toBe("again");
  });

  it.each(["", ".", "..", "../abc", "tmp", JOB_ID.toUpperCase()])("removes nothing for the id %j", async (id) => {
    const { store, temporaries, root } = await setup();
    await store.write(key, Buffer.from("x"));
    await writeFile(join(root, "tmp", "under-way"), "");
    await store.removeJob(id);
    expect(await store.open(key)).toBeDefined();
    expect(await temporaries()).toEqual(["under-way"]);
  });

  it("removes links among the artifacts of a job, and nothing that a link leads to", async () => {
    const { store, root } = await setup();
    const outside = await realpath(await mkdtemp(join(tmpdir(), "outside-")));
    roots.push(outside);
    await writeFile(join(outside, "secret.txt"), "secret");
    await store.write(key, Buffer.from("x"));
    await symlink(outside, join(root, "abc", JOB_ID, "2"));
    await store.removeJob(JOB_ID);
    expect(await readdir(join(root, "abc"))).toEqual([]);
    await symlink(outside, join(root, "abc", JOB_ID));
    await expect(store.removeJob(JOB_ID)).rejects.toMatchObject({ code: "artifact_folder_linked" });
    expect(await readdir(outside)).toEqual(["secret.txt"]);
  });

  it("names the setting if its folder cannot be created", async () => {
    const { root } = await setup();
    await writeFile(join(root, "file"), "");
    const thrown: unknown = await openFolderStore(join(root, "file", "below")).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(StartError);
    expect(String(thrown)).toContain("ARTIFACTS_DIR");
  });

  it("passes on file system errors that do not mean absence", async () => {
    const { store, pathOf, root } = await setup();
    await mkdir(join(root, "abc"));
    await symlink(join(root, "abc", JOB_ID), join(root, "abc", JOB_ID)); // a link to itself: ELOOP
    await expect(store.open(key)).rejects.toMatchObject({ code: "ELOOP" });
    await expect(readFile(pathOf(key))).rejects.toMatchObject({ code: "ELOOP" });
  });
});

describe("the content type of an artifact", () => {
  it.each([
    ["a.jpg", "image/jpeg"],
    ["a.CSV", "text/csv; charset=utf-8"],
    ["a.csv.gz", "application/gzip"],
    ["a.exe", "application/octet-stream"],
    ["constructor", "application/octet-stream"],
    ["json", "application/json"],
  ])("of %s is %s", (name, type) => expect(contentTypeOf(name)).toBe(type));
});
