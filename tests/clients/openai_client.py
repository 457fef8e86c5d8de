"""OpenAI's Python client against the proxy at the URL given as the only argument.

Prints what it found as one JSON object; judging it is the calling test's business.
"""

import json
import sys

import openai
import openai.types.responses
import pydantic

MESSAGES = [{"role": "user", "content": "Hello"}]


class Person(pydantic.BaseModel):
    name: str
    age: int


def client(base, **options):
    return openai.OpenAI(base_url=base, api_key="sk-test", timeout=20, **{"max_retries": 0, **options})


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return error
    raise SystemExit("an error was expected")


def chat(api, site):
    raw = api.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, **site)
    return raw.headers, raw.parse()


def responds(api):
    raw = api.responses.with_raw_response.create(model="m", instructions="Be brief.", input="Hello")
    response = raw.parse()
    said = {"text": response.output_text, "status": response.status, "tokens": response.usage.output_tokens}
    # Every field has the type that the client documents.
    openai.types.responses.Response.model_validate(response.model_dump())
    return said, raw.headers


def response_stream(api):
    text, kinds = "", []
    with api.responses.stream(model="m", input=MESSAGES) as stream:
        for event in stream:
            text += event.delta if event.type == "response.output_text.delta" else ""
            if kinds[-1:] != [event.type]:
                kinds.append(event.type)
        whole = stream.get_final_response()
    usage = {"status": whole.status, "tokens": whole.usage.output_tokens}
    return {"text": text, "events": kinds, "whole": whole.output_text, **usage}


def logprobs(api):
    asked = {"model": "m", "messages": MESSAGES, "logprobs": True, "top_logprobs": 2}
    tokens = api.chat.completions.create(**asked).choices[0].logprobs.content
    chunks = [chunk.choices[0] for chunk in api.chat.completions.create(stream=True, **asked)]
    streamed = [token for chunk in chunks if chunk.logprobs for token in chunk.logprobs.content]
    include = ["message.output_text.logprobs"]
    response = api.responses.create(model="m", input="Hello", include=include, top_logprobs=2)
    openai.types.responses.Response.model_validate(response.model_dump())
    deltas = api.responses.create(model="m", input="Hello", include=include, top_logprobs=2, stream=True)
    deltas = [token for event in deltas if event.type == "response.output_text.delta" for token in event.logprobs]
    said = [token.token for token in tokens]
    return {
        "text": "".join(said),
        "bytes": bytes(byte for token in tokens for byte in token.bytes).decode(),
        "least": round(min(token.logprob for token in tokens), 4),
        "top": [len(token.top_logprobs) for token in tokens],
        "streamed": [token.model_dump() for token in streamed] == [token.model_dump() for token in tokens],
        "response": [token.token for token in response.output[0].content[0].logprobs] == said,
        "response_stream": [token.token for token in deltas] == said,
    }


def main(proxy):
    found = {"version": openai.__version__}
    shop = client(f"{proxy}/s/shop/v1")

    headers, answer = chat(shop, {})
    choice = answer.choices[0]
    found["chat"] = {
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "site": headers["x-apprentice-site"],
        "by": headers["x-apprentice-site-by"],
    }

    chunks = [chunk.choices[0] for chunk in shop.chat.completions.create(model="m", messages=MESSAGES, stream=True)]
    found["stream"] = {
        "text": "".join(chunk.delta.content or "" for chunk in chunks),
        "finish": chunks[-1].finish_reason,
    }
    found["models"] = [model.id for model in shop.models.list()]
    found["embedding"] = shop.embeddings.create(model="e", input="hello").data[0].embedding

    found["response"] = responds(shop)[0]
    found["response_stream"] = response_stream(shop)
    parameters = {"type": "object", "properties": {"item": {"type": "string"}}}
    function = {"name": "buy", "parameters": parameters}
    tools = [{"type": "function", "function": function}]
    called = shop.chat.completions.create(model="m", messages=MESSAGES, tools=tools).choices[0]
    call = called.message.tool_calls[0].function
    found["tools"] = {"name": call.name, "arguments": call.arguments, "finish": called.finish_reason}
    acted = shop.responses.create(model="m", input="Hello", tools=[{"type": "function", "strict": False, **function}])
    call = next(item for item in acted.output if item.type == "function_call")
    found["response_tools"] = {"name": call.name, "arguments": call.arguments}
    parsed = shop.chat.completions.parse(model="m", messages=MESSAGES, response_format=Person)
    found["schema"] = parsed.choices[0].message.parsed.model_dump()
    parsed = shop.responses.parse(model="m", input="Hello", text_format=Person)
    found["response_schema"] = parsed.output_parsed.model_dump()

    missing = failure(lambda: shop.chat.completions.create(model="missing", messages=MESSAGES))
    found["missing"] = {"class": type(missing).__name__, "code": missing.code, "request_id": missing.request_id}
    patient = client(f"{proxy}/v1", max_retries=1)
    limited = failure(lambda: patient.chat.completions.create(model="limited", messages=MESSAGES))
    found["limited"] = {
        "class": type(limited).__name__,
        "code": limited.code,
        "retry_after": limited.response.headers["retry-after"],
    }
    large = [{"role": "user", "content": "x" * (8 << 20)}]
    raw = shop.chat.completions.with_raw_response.create(model="m", messages=large)
    found["large"] = {"text": raw.parse().choices[0].message.content, "reason": raw.headers["x-apprentice-reason"]}

    learnt = client(f"{proxy}/s/learnt/v1")
    headers, answer = chat(learnt, {})
    found["student"] = {
        "text": answer.choices[0].message.content,
        "route": headers["x-apprentice-route"],
        "request_id": answer._request_id == headers["x-apprentice-request-id"],
    }
    stream = learnt.chat.completions.create(
        model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    found["student_stream"] = {
        "text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "tokens": chunks[-1].usage.completion_tokens,
    }

    found["student_logprobs"] = logprobs(learnt)
    several = learnt.chat.completions.create(model="m", messages=MESSAGES, n=3).choices
    found["student_choices"] = {choice.index: choice.message.content for choice in several}

    said, headers = responds(learnt)
    found["student_response"] = {**said, "route": headers["x-apprentice-route"]}
    found["student_response_stream"] = response_stream(learnt)

    headers, _ = chat(client(f"{proxy}/v1"), {"metadata": {"apprentice_site": "named"}})
    found["metadata"] = {"site": headers["x-apprentice-site"], "by": headers["x-apprentice-site-by"]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
