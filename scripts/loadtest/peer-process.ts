/**
 * The peers of the jobs, in a separate process because their work would affect the measured latencies: an SMTP server
 * that accepts and counts messages, and an HTTP server that accepts webhooks and serves the images. Over IPC it sends
 * its ports, and answers any message with its counts. It ends when its parent ends.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:net";
import sharp from "sharp";
import { SMTPServer } from "smtp-server";

export interface PeerPorts {
  readonly kind: "ports";
  readonly smtpPort: number;
  readonly httpPort: number;
}

export interface PeerCounts {
  readonly kind: "counts";
  readonly mails: number;
  readonly webhooks: number;
  readonly images: number;
}

const IMAGE = { width: 1_800, height: 1_200 }; // 2.16 megapixels
const counts = { mails: 0, webhooks: 0, images: 0 };

/** A mix of a gradient and noise that has about as many bytes as a photograph of that size. */
function makeImage(): Promise<Buffer> {
  const create = {
    ...IMAGE,
    channels: 3 as const,
    background: "#000",
    noise: { type: "gaussian" as const, mean: 128, sigma: 60 },
  };
  return sharp({ create }).blur(3).jpeg({ quality: 85 }).toBuffer();
}

function makeHttpPeer(image: Buffer): Server {
  return createServer((request, response) => {
    const isImage = request.url?.startsWith("/image") === true;
    request.resume().on("end", () => {
      counts[isImage ? "images" : "webhooks"] += 1;
      if (isImage) response.writeHead(200, { "content-type": "image/jpeg", "content-length": image.length }).end(image);
      else response.writeHead(200, { "content-type": "application/json" }).end('{"received":true}');
    });
  });
}

function makeSmtpPeer(): SMTPServer {
  return new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    onData: (stream, _session, done) => {
      stream.resume().on("end", () => {
        counts.mails += 1;
        done();
      });
    },
  });
}

async function listen(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

const host = process.argv[2] ?? "127.0.0.1";
const smtp = makeSmtpPeer();
smtp.on("error", () => undefined); // the job reports a broken connection
const ports: PeerPorts = {
  kind: "ports",
  smtpPort: await listen(smtp.server, host),
  httpPort: await listen(makeHttpPeer(await makeImage()), host),
};
process.on("message", () => process.send?.({ kind: "counts", ...counts } satisfies PeerCounts));
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => undefined); // the parent ends this process after it has read the counts
process.send?.(ports);
