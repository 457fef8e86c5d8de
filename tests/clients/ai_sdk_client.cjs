// Vercel's AI SDK against the proxy at the URL given as the only argument; it speaks Responses unless it is told not to.
//
// Prints what it found as one JSON object; judging it is the calling test's business.

const { createOpenAI } = require("@ai-sdk/openai");
const { embed, generateText, jsonSchema, Output, streamText, tool } = require("ai");
const { version } = require("ai/package.json");
const { z } = require("zod");

const PROMPT = { system: "Be brief.", prompt: "Hello", maxRetries: 0 };
const PERSON = z.object({ name: z.string(), age: z.number() });
const PARAMETERS = { type: "object", properties: { item: { type: "string" } } };

globalThis.AI_SDK_LOG_WARNINGS = false;
const provider = (baseURL) => createOpenAI({ baseURL, apiKey: "sk-test" });

async function whole(model) {
  const { text, finishReason, usage, response } = await generateText({ model, ...PROMPT });
  return { text, finish: finishReason, tokens: usage.outputTokens, route: response.headers["x-apprentice-route"] };
}

async function stream(model) {
  const errors = [];
  const said = streamText({ model, ...PROMPT, onError: ({ error }) => errors.push(error) });
  let text = "";
  for await (const piece of said.textStream) text += piece;
  if (errors.length > 0) throw errors[0];
  return { text, finish: await said.finishReason, tokens: (await said.usage).outputTokens ?? null };
}

async function tools(model) {
  const buy = tool({ inputSchema: jsonSchema(PARAMETERS) });
  const { toolCalls, finishReason } = await generateText({ model, ...PROMPT, tools: { buy } });
  return { name: toolCalls[0].toolName, input: toolCalls[0].input, finish: finishReason };
}

async function schema(model) {
  const output = Output.object({ schema: PERSON, name: "person" });
  return (await generateText({ model, ...PROMPT, output })).output;
}

async function main(proxy) {
  const found = { version };
  const shop = provider(`${proxy}/s/shop/v1`);
  for (const [name, model] of [["chat", shop.chat("m")], ["response", shop("m")]]) {
    found[name] = await whole(model);
    found[`${name}_stream`] = await stream(model);
    found[`${name}_tools`] = await tools(model);
    found[`${name}_schema`] = await schema(model);
  }
  found.embedding = (await embed({ model: shop.embedding("e"), value: "hello", maxRetries: 0 })).embedding;

  const learnt = provider(`${proxy}/s/learnt/v1`);
  for (const [name, model] of [["student_chat", learnt.chat("m")], ["student_response", learnt("m")]]) {
    found[name] = await whole(model);
    found[`${name}_stream`] = await stream(model);
  }
  console.log(JSON.stringify(found));
}

main(process.argv[2]);
