// An OpenAI chat-completions face on a small real model, served by llama.cpp through the package node-llama-cpp.
// Usage: node teacher.mjs MODEL.gguf NODE_MODULES [PORT] [THREADS]. Prints "listening on http://..." when it can answer.
//
// One thread unless told otherwise: llama.cpp's threads spin while they wait for each other, so two on a busy machine
// with two cores are many times slower than one.
// Only what the benchmark needs, but that truly: sampling by temperature, top_p and seed, so that the same prompt gets
// differing answers; a finish_reason that tells a whole answer from a cut one; usage; streams; errors in OpenAI's
// shape. One request at a time, because one context has one state; the queue is bounded so that a client which
// outruns the model hears 429 instead of waiting for ever.
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modelPath, modules, port = "0", threads = "1"] = process.argv.slice(2);
const CONTEXT = 1024;
const QUEUE_MAX = 32;
const BODY_MAX = 1 << 20;
const MODEL_ID = path.basename(modelPath, ".gguf");

// By path, because the packages lie in the cache and not beside this file.
const { getLlama } = await import(pathToFileURL(path.join(modules, "node-llama-cpp/dist/index.js")));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: CONTEXT, threads: Number(threads) });
const sequence = context.getSequence();

class Refused extends Error {
  constructor(status, message, param = null, code = null) {
    super(message);
    Object.assign(this, { status, param, code });
  }
}

// ChatML. Only the markers are read as special tokens: what a user writes stays text.
function promptTokens(messages) {
  const marker = (text) => model.tokenize(text, true);
  const turn = ({ role, content }) =>
    [...marker("<|im_start|>"), ...model.tokenize(`${role}\n${content}`), ...marker("<|im_end|>"), ...model.tokenize("\n")];
  return [...messages.flatMap(turn), ...marker("<|im_start|>"), ...model.tokenize("assistant\n")];
}

function text(content, at) {
  if (typeof content === "string") return content;
  if (Array.isArray(content) && content.every((part) => part?.type === "text" && typeof part.text === "string"))
    return content.map((part) => part.text).join("");
  throw new Refused(400, "only text is understood", `${at}.content`);
}

function number(body, name, fallback, least, most) {
  const value = body[name] ?? fallback;
  if (value === undefined || (typeof value === "number" && value >= least && value <= most)) return value;
  throw new Refused(400, `${name} must be a number from ${least} to ${most}`, name);
}

function read(body) {
  if (!Array.isArray(body?.messages) || body.messages.length === 0)
    throw new Refused(400, "messages must be a list with at least one message", "messages");
  const messages = body.messages.map((message, i) => {
    const at = `messages.${i}`;
    if (!["system", "developer", "user", "assistant"].includes(message?.role))
      throw new Refused(400, "role must be system, developer, user or assistant", `${at}.role`);
    return { role: message.role === "developer" ? "system" : message.role, content: text(message.content, at) };
  });
  for (const name of ["tools", "functions", "logprobs", "response_format"])
    if (body[name] && body[name]?.type !== "text") throw new Refused(400, `${name} is not supported by this model`, name);
  if ((body.n ?? 1) !== 1) throw new Refused(400, "n must be 1", "n");
  const stop = body.stop == null ? [] : [body.stop].flat();
  if (!stop.every((one) => typeof one === "string" && one)) throw new Refused(400, "stop must be text", "stop");
  const tokens = promptTokens(messages);
  const room = CONTEXT - tokens.length - 1;
  if (room < 1)
    throw new Refused(400, `the prompt has ${tokens.length} tokens; ${CONTEXT} is the context`, "messages", "context_length_exceeded");
  const asked = number(body, body.max_completion_tokens == null ? "max_tokens" : "max_completion_tokens", room, 1, 1e6);
  return {
    tokens, stop, maxTokens: Math.min(Math.floor(asked), room),
    temperature: number(body, "temperature", 1, 0, 2), topP: number(body, "top_p", 0.95, 0, 1),
    // Without one llama.cpp would take the clock; here every answer has its own chance all the same.
    seed: number(body, "seed", Math.floor(Math.random() * 2 ** 31), -(2 ** 53), 2 ** 53),
    stream: body.stream === true, usage: body.stream_options?.include_usage === true,
  };
}

// Hands on what can no longer change: not half a character, and not what may become a stop text.
function settled(whole, stop) {
  let end = whole.endsWith("\ufffd") ? whole.length - 1 : whole.length;
  for (const one of stop)
    for (let n = Math.min(one.length - 1, end); n > 0; n--)
      if (whole.slice(0, end).endsWith(one.slice(0, n))) { end -= n; break; }
  return end;
}

async function generate(asked, onText, isGone) {
  const { tokens, stop, maxTokens, temperature, topP, seed } = asked;
  const made = [];
  let [whole, sent, finish] = ["", 0, null];
  // What the context holds of this prompt already is not computed again.
  await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
  const rest = tokens.slice(sequence.nextTokenIndex);
  // top_k and min_p, and top_p where it is not said: what llama.cpp's own server takes.
  const options = { temperature, topP, seed: Math.abs(seed) % 2 ** 32, topK: 40, minP: 0.05, yieldEogToken: true };
  for await (const token of sequence.evaluate(rest, options)) {
    if (model.isEogToken(token)) { finish = "stop"; break; }
    made.push(token);
    whole = model.detokenize(made);
    const at = stop.map((one) => whole.indexOf(one)).filter((i) => i >= 0);
    if (at.length) { whole = whole.slice(0, Math.min(...at)); finish = "stop"; break; }
    if (made.length >= maxTokens) { finish = "length"; break; }
    const end = settled(whole, stop);
    if (end > sent) onText(whole.slice(sent, end));
    sent = Math.max(sent, end);
    if (isGone()) break;
  }
  if (whole.length > sent) onText(whole.slice(sent));
  const [prompt_tokens, completion_tokens] = [tokens.length, made.length];
  const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  return { content: whole, finish: finish ?? "stop", usage };
}

let [tail, waiting, counter] = [Promise.resolve(), 0, 0];
function oneAtATime(work) {
  if (waiting >= QUEUE_MAX) throw new Refused(429, `${QUEUE_MAX} requests are waiting already`, null, "rate_limit_exceeded");
  waiting += 1;
  const done = tail.then(work).finally(() => { waiting -= 1; });
  tail = done.catch(() => {});
  return done;
}

async function complete(asked, response) {
  const head = { id: `chatcmpl-${++counter}`, created: Math.floor(Date.now() / 1000), model: MODEL_ID };
  const isGone = () => response.destroyed;
  if (!asked.stream) {
    const { content, finish, usage } = await generate(asked, () => {}, isGone);
    const message = { role: "assistant", content, refusal: null };
    return json(response, 200, { ...head, object: "chat.completion", choices: [{ index: 0, message, logprobs: null, finish_reason: finish }], usage });
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const chunk = (more) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...more })}\n\n`);
  const delta = (delta, finish_reason = null) => chunk({ choices: [{ index: 0, delta, logprobs: null, finish_reason }] });
  delta({ role: "assistant", content: "" });
  const { finish, usage } = await generate(asked, (content) => delta({ content }), isGone);
  delta({}, finish);
  if (asked.usage) chunk({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}

function json(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body);
}

async function bodyOf(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_MAX) throw new Refused(413, `a request may have ${BODY_MAX} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch (error) {
    throw new Refused(400, `the body is not JSON: ${error.message}`);
  }
}

async function handle(request, response) {
  const { pathname } = new URL(request.url, "http://teacher");
  if (request.method === "GET" && pathname === "/v1/models")
    return json(response, 200, { object: "list", data: [{ id: MODEL_ID, object: "model", created: 0, owned_by: "bench" }] });
  if (pathname !== "/v1/chat/completions") throw new Refused(404, `there is no ${pathname}`, null, "not_found");
  if (request.method !== "POST") throw new Refused(405, `${request.method} is not allowed here`);
  const asked = read(await bodyOf(request));
  return oneAtATime(() => complete(asked, response));
}

const server = http.createServer((request, response) =>
  handle(request, response).catch((error) => {
    const status = error.status ?? 500;
    if (!error.status) console.error(error);
    if (response.headersSent) return response.destroy();
    const type = status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error";
    return json(response, status, { error: { message: error.message, type, param: error.param ?? null, code: error.code ?? null } });
  }),
);
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
