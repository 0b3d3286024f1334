// The calls of OpenAI's own client for Node, as its users write them, against tests/server_driver.py.
//
//     NODE_PATH=FOLDER/node_modules node tests/openai_client.cjs PORT
//
// Prints one JSON object: what came of each.
const OpenAI = require("openai");

const client = new OpenAI({ baseURL: `http://127.0.0.1:${process.argv[2]}/v1`, apiKey: "any", maxRetries: 0 });
const said = (content) => [{ role: "user", content }];
const weather = { type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } };
const place = { type: "object", properties: { place: { type: "string" } }, required: ["place"], additionalProperties: false };

const calls = {
  models: async () => (await client.models.list()).data.map((each) => each.id),
  model: async () => (await client.models.retrieve("tea")).owned_by,
  chat: async () => {
    const answer = await client.chat.completions.create({ model: "tea", messages: said("tea?") });
    return [answer.choices[0].message.content, answer.localcollab.authors];
  },
  stream: async () => {
    let text = "", usage = null;
    const options = { model: "tea", messages: said("tea?"), stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await client.chat.completions.create(options)) {
      text += chunk.choices.map((choice) => choice.delta.content || "").join("");
      usage = chunk.usage || usage;
    }
    return [text, usage.completion_tokens];
  },
  helper: async () => {
    const stream = client.chat.completions.stream({ model: "tea", messages: said("tea?") });
    return (await stream.finalChatCompletion()).choices[0].message.content;
  },
  completions: async () =>
    (await client.completions.create({ model: "tea", prompt: "user: tea?\n\x02", max_tokens: 4 })).choices[0].text,
  embeddings: async () => (await client.embeddings.create({ model: "letters", input: ["a", "b"] })).data.length,
  responses: async () => (await client.responses.create({ model: "tea", input: "tea?" })).output_text,
  "stream of a response": async () => {
    let text = "";
    for await (const event of await client.responses.create({ model: "tea", input: "tea?", stream: true }))
      if (event.type === "response.output_text.delta") text += event.delta;
    return text;
  },
  tools: async () => {
    const answer = await client.chat.completions.create({ model: "tea", messages: said("weather"), tools: [weather] });
    const [call] = answer.choices[0].message.tool_calls;
    return [answer.choices[0].finish_reason, call.function.name, JSON.parse(call.function.arguments)];
  },
  "json schema": async () => {
    const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema: place } };
    const answer = await client.chat.completions.parse({ model: "tea", messages: said("tea?"), response_format });
    return JSON.parse(answer.choices[0].message.content);
  },
  "unknown model": () => client.chat.completions.create({ model: "gpt-4o", messages: said("x") }),
  "unknown option": () => client.chat.completions.create({ model: "tea", messages: said("x"), nonsense: 1 }),
  "an answer that is given up": async () => {
    const stream = await client.chat.completions.create({ model: "tea", messages: said("tea?"), stream: true });
    for await (const chunk of stream) break;
    stream.controller.abort();
    return stream.controller.signal.aborted;
  },
};

(async () => {
  const found = {};
  for (const [name, call] of Object.entries(calls))
    try {
      found[name] = await call();
    } catch (error) {
      found[name] = `${error.constructor.name}: ${error.status}`;
    }
  console.log(JSON.stringify(found));
})();
