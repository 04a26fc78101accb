// Azure Storage client-side encryption 2.0 and 2.1, made and read with Node's own crypto: what
// nearpoint must read, and what it wrote, seen from outside. No code of nearpoint's.
//
//   node blobs.mjs put  URL KEY FILE [OPTIONS]   encrypts FILE and uploads it to URL
//   node blobs.mjs get  URL KEY                  downloads, decrypts and prints what is at URL
//   node blobs.mjs seal KEY FILE OUT [OPTIONS]   writes the encrypted bytes to OUT, and prints the
//                                                metadata
//
// URL has the SAS as its query. KEY is 64 hex digits. OPTIONS is a JSON object: protocol, region
// (plain bytes), keyId, nonce ("java", "dotnet", "random"), plain (true: no encryption), and what is
// done wrong: swap [i, j], drop i, repeat i, cut bytes, flip offset, prefix (of the wrapped key),
// metadata (instead of the right one; null: none).

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const VERSION = "2021-08-06";
const WRAP_IV = Buffer.from("A6A6A6A6A6A6A6A6", "hex");

function nonceOf(kind, index) {
  const nonce = Buffer.alloc(12);
  if (kind === "random") return randomBytes(12);
  if (kind === "dotnet") nonce.writeUInt32LE(index, 8);
  else nonce.writeBigUInt64BE(BigInt(index), 0);
  return nonce;
}

function sealRegion(key, nonce, plain) {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function wrap(kek, protocol, key) {
  const prefix = Buffer.alloc(8);
  prefix.write(protocol);
  const cipher = createCipheriv("id-aes256-wrap", kek, WRAP_IV);
  return Buffer.concat([cipher.update(Buffer.concat([prefix, key])), cipher.final()]);
}

function unwrap(kek, protocol, wrapped) {
  const cipher = createDecipheriv("id-aes256-wrap", kek, WRAP_IV);
  const open = Buffer.concat([cipher.update(wrapped), cipher.final()]);
  const prefix = Buffer.alloc(8);
  prefix.write(protocol);
  if (open.length !== 40 || !open.subarray(0, 8).equals(prefix)) throw Error("the key's protocol");
  return open.subarray(8);
}

function mutate(regions, options) {
  if (options.swap) {
    const [i, j] = options.swap;
    [regions[i], regions[j]] = [regions[j], regions[i]];
  }
  if ("repeat" in options) regions.splice(options.repeat + 1, 1, regions[options.repeat]);
  if ("drop" in options) regions.splice(options.drop, 1);
  let body = Buffer.concat(regions);
  if ("cut" in options) body = body.subarray(0, body.length - options.cut);
  if ("flip" in options) body[options.flip] ^= 1;
  return body;
}

function seal(kek, plain, options) {
  if (options.plain) return { body: plain, metadata: null };
  const key = randomBytes(32);
  const protocol = options.protocol ?? "2.0";
  const region = options.region ?? 4194304;
  const regions = [];
  for (let at = 0; at < plain.length; at += region)
    regions.push(
      sealRegion(key, nonceOf(options.nonce, regions.length), plain.subarray(at, at + region)));
  if (options.emptyRegion && !plain.length) regions.push(sealRegion(key, nonceOf("java", 0), plain));
  const metadata = JSON.stringify({
    EncryptionAgent: { Protocol: protocol, EncryptionAlgorithm: "AES_GCM_256" },
    KeyWrappingMetadata: { EncryptionLibrary: "blobs.mjs" },
    EncryptedRegionInfo: { DataLength: region, NonceLength: 12 },
    WrappedContentKey: {
      Algorithm: "A256KW",
      EncryptedKey: wrap(kek, options.prefix ?? protocol, key).toString("base64"),
      KeyId: options.keyId ?? "key1",
    },
  });
  return {
    body: mutate(regions, options),
    metadata: "metadata" in options ? options.metadata : metadata,
  };
}

function open(kek, body, metadata) {
  const data = JSON.parse(metadata);
  const { Protocol: protocol, EncryptionAlgorithm: algorithm } = data.EncryptionAgent;
  if (algorithm !== "AES_GCM_256" || data.EncryptedRegionInfo.NonceLength !== 12)
    throw Error("not the algorithm");
  if (data.WrappedContentKey.Algorithm !== "A256KW") throw Error("not the wrapping");
  const key = unwrap(kek, protocol, Buffer.from(data.WrappedContentKey.EncryptedKey, "base64"));
  const sealed = data.EncryptedRegionInfo.DataLength + 28;
  const plain = [];
  for (let at = 0; at < body.length; at += sealed) {
    const region = body.subarray(at, at + sealed);
    const cipher = createDecipheriv("aes-256-gcm", key, region.subarray(0, 12));
    cipher.setAuthTag(region.subarray(region.length - 16));
    plain.push(cipher.update(region.subarray(12, region.length - 16)), cipher.final());
  }
  return Buffer.concat(plain);
}

async function put(url, kek, file, options) {
  const { body, metadata } = seal(kek, readFileSync(file), options);
  const headers = { "x-ms-version": VERSION, "x-ms-blob-type": "BlockBlob" };
  if (metadata !== null) headers["x-ms-meta-encryptiondata"] = metadata;
  const reply = await fetch(url, { method: "PUT", headers, body });
  if (reply.status !== 201) throw Error(`PUT ${reply.status}: ${await reply.text()}`);
}

async function get(url, kek) {
  const reply = await fetch(url, { headers: { "x-ms-version": VERSION } });
  if (reply.status !== 200) throw Error(`GET ${reply.status}: ${await reply.text()}`);
  const body = Buffer.from(await reply.arrayBuffer());
  const metadata = reply.headers.get("x-ms-meta-encryptiondata");
  writeFileSync(1, metadata === null ? body : open(kek, body, metadata));
}

const [command, ...args] = process.argv.slice(2);
const key = (text) => Buffer.from(text, "hex");
if (command === "put") await put(args[0], key(args[1]), args[2], JSON.parse(args[3] ?? "{}"));
else if (command === "get") await get(args[0], key(args[1]));
else if (command === "seal") {
  const sealed = seal(key(args[0]), readFileSync(args[1]), JSON.parse(args[3] ?? "{}"));
  writeFileSync(args[2], sealed.body);
  process.stdout.write(sealed.metadata ?? "");
} else throw Error("put, get or seal");
