// Uses the types that openapi-typescript made from the contract: `node out/client.js BASE_URL`.
// Every line is run by the tests against a service without keys.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import createClient from "openapi-fetch";
import { Webhook } from "standardwebhooks";

import type { components, paths, webhooks } from "./schema.js";

type Schemas = components["schemas"];
type CreateVideo = Schemas["CreateVideo"];
type VideoCompleted =
  webhooks["video.completed"]["post"]["requestBody"]["content"]["application/json"];

const base = process.argv[2];
assert(base, "the address of the service is missing");
const client = createClient<paths>({ baseUrl: base, headers: { authorization: "Bearer none" } });

/** The body of an operation that takes a form. */
function form(fields: object): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) made.append(name, value);
    else made.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return made;
}

async function create(body: CreateVideo) {
  return client.POST("/v1/videos", { body, bodySerializer: form });
}

async function made(): Promise<Schemas["Video"]> {
  const { data, error } = await create({
    prompt: "a red ball rolls over green grass",
    seconds: "2",
    size: "128x128",
    metadata: { order: "7" },
  });
  assert(data, JSON.stringify(error));
  assert.equal(data.metadata?.["order"], "7");
  return data;
}

async function completed(id: string): Promise<Schemas["Video"]> {
  for (;;) {
    const { data } = await client.GET("/v1/videos/{video_id}", {
      params: { path: { video_id: id } },
    });
    assert(data && data.status !== "failed", JSON.stringify(data));
    if (data.status === "completed") return data;
    await pause(100);
  }
}

async function downloads(id: string): Promise<void> {
  const { data } = await client.GET("/v1/videos/{video_id}/content", {
    params: { path: { video_id: id }, query: { variant: "video" } },
    parseAs: "arrayBuffer",
  });
  assert(data);
  assert.equal(Buffer.from(data).subarray(4, 8).toString("latin1"), "ftyp");
}

async function understandsErrors(): Promise<void> {
  const { error, response } = await create({
    prompt: "a man kills another man with a knife, blood everywhere",
  });
  assert(error);
  const problem: Schemas["Problem"] = error;
  assert.equal(response.status, problem.status);
  assert.equal(problem.code, "moderation_blocked");
  assert(problem.error.decision_id?.startsWith("dec_"), JSON.stringify(problem));
  assert(URL.canParse(problem.error.appeal_url ?? ""), JSON.stringify(problem));
}

async function refusesWhatTheContractDoesNotKnow(): Promise<void> {
  const numbers: CreateVideo["seconds"][] = [2, "2"];
  assert.equal(numbers.length, 2);
  // @ts-expect-error a prompt is needed
  const { error: missing } = await create({ seconds: 2 });
  assert.equal(missing?.error.param, "prompt");
  // @ts-expect-error a misspelt field
  const { error: unknown } = await create({ prompt: "a ball", secnods: "2" });
  assert.equal(unknown?.code, "unknown_parameter");
}

async function verifiesWebhooks(): Promise<void> {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const { data: endpoint } = await client.POST("/v1/webhook_endpoints", {
      body: { name: "typescript", url, event_types: ["video.completed"] },
    });
    assert(endpoint);
    const { data: tried } = await client.POST("/v1/webhook_endpoints/{id}/test", {
      params: { path: { id: endpoint.id } },
      body: { event_type: "video.completed" },
    });
    assert(tried?.success, JSON.stringify(tried));
    const sent = received.pop();
    assert(sent);
    const hook = new Webhook(endpoint.signing_secret);
    const headers = sent.headers as Record<string, string>;
    const event = hook.verify(sent.body, headers) as VideoCompleted;
    assert.equal(event.type, "video.completed");
    assert(event.data.id);
    assert.throws(() => hook.verify(sent.body.replace("event", "evenT"), headers));
  } finally {
    server.close();
  }
}

const video = await made();
await completed(video.id);
await downloads(video.id);
await understandsErrors();
await refusesWhatTheContractDoesNotKnow();
await verifiesWebhooks();
const { data: page } = await client.GET("/v1/videos", { params: { query: { limit: 1 } } });
assert.equal(page?.data[0]?.id, video.id);
console.log("all held");
