// OpenAI's Node client against the proxy at the URL given as the only argument.
//
// Prints what it found as one JSON object; judging it is the calling test's business.

const OpenAI = require("openai");
const { zodResponseFormat, zodTextFormat } = require("openai/helpers/zod");
const { VERSION: version } = require("openai/version");
const { z } = require("zod");

const MESSAGES = [{ role: "user", content: "Hello" }];
const PERSON = z.object({ name: z.string(), age: z.number() });
const PARAMETERS = { type: "object", properties: { item: { type: "string" } } };

const client = (baseURL, options = {}) =>
  new OpenAI({ baseURL, apiKey: "sk-test", timeout: 20_000, maxRetries: 0, ...options });

async function failure(call) {
  try {
    await call();
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error;
    throw error;
  }
  throw new Error("an error was expected");
}

async function chat(api) {
  const { data, response } = await api.chat.completions.create({ model: "m", messages: MESSAGES }).withResponse();
  return { text: data.choices[0].message.content, finish: data.choices[0].finish_reason, headers: response.headers };
}

async function chatStream(api) {
  const options = { stream: true, stream_options: { include_usage: true } };
  const said = { text: "", finish: null };
  for await (const chunk of await api.chat.completions.create({ model: "m", messages: MESSAGES, ...options })) {
    said.text += chunk.choices[0]?.delta.content ?? "";
    said.finish = chunk.choices[0]?.finish_reason ?? said.finish;
    if (chunk.usage) said.tokens = chunk.usage.completion_tokens;
  }
  return said;
}

async function responds(api) {
  const asked = api.responses.create({ model: "m", instructions: "Be brief.", input: "Hello" });
  const { data, response } = await asked.withResponse();
  return { text: data.output_text, status: data.status, tokens: data.usage.output_tokens, headers: response.headers };
}

async function responseStream(api) {
  const stream = api.responses.stream({ model: "m", input: MESSAGES });
  const said = { text: "", events: [] };
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") said.text += event.delta;
    if (said.events.at(-1) !== event.type) said.events.push(event.type);
  }
  const whole = await stream.finalResponse();
  return { ...said, whole: whole.output_text, status: whole.status, tokens: whole.usage.output_tokens };
}

async function main(proxy) {
  const found = { version };
  const shop = client(`${proxy}/s/shop/v1`);

  const { headers, ...answer } = await chat(shop);
  found.chat = { ...answer, site: headers.get("x-apprentice-site"), by: headers.get("x-apprentice-site-by") };
  found.stream = await chatStream(shop);
  const tools = [{ type: "function", function: { name: "buy", parameters: PARAMETERS } }];
  const called = await shop.chat.completions.create({ model: "m", messages: MESSAGES, tools });
  const { name, arguments: parameters } = called.choices[0].message.tool_calls[0].function;
  found.tools = { name, arguments: parameters, finish: called.choices[0].finish_reason };
  const format = zodResponseFormat(PERSON, "person");
  const parsed = await shop.chat.completions.parse({ model: "m", messages: MESSAGES, response_format: format });
  found.schema = parsed.choices[0].message.parsed;

  const { headers: _, ...response } = await responds(shop);
  found.response = response;
  found.response_stream = await responseStream(shop);
  const flat = [{ type: "function", name: "buy", parameters: PARAMETERS, strict: false }];
  const acted = await shop.responses.create({ model: "m", input: "Hello", tools: flat });
  const call = acted.output.find((item) => item.type === "function_call");
  found.response_tools = { name: call.name, arguments: call.arguments };
  const text = { format: zodTextFormat(PERSON, "person") };
  found.response_schema = (await shop.responses.parse({ model: "m", input: "Hello", text })).output_parsed;

  found.models = [];
  for await (const model of shop.models.list()) found.models.push(model.id);
  found.embedding = (await shop.embeddings.create({ model: "e", input: "hello" })).data[0].embedding;

  const missing = await failure(() => shop.chat.completions.create({ model: "missing", messages: MESSAGES }));
  found.missing = { class: missing.constructor.name, code: missing.code, request_id: missing.requestID };
  const broken = await failure(() => shop.responses.create({ model: "missing", input: "Hello" }));
  found.response_missing = { class: broken.constructor.name, code: broken.code, request_id: broken.requestID };

  const learnt = client(`${proxy}/s/learnt/v1`);
  const { headers: local, ...known } = await chat(learnt);
  found.student = { ...known, route: local.get("x-apprentice-route") };
  found.student_stream = await chatStream(learnt);
  const { headers: second, ...said } = await responds(learnt);
  found.student_response = { ...said, route: second.get("x-apprentice-route") };
  found.student_response_stream = await responseStream(learnt);
  console.log(JSON.stringify(found));
}

main(process.argv[2]);
