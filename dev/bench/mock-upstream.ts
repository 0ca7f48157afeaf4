/** The mock upstream, a process of its own: the same answers for everybody, as fast as Node gives them. */
import { createServer, type ServerResponse } from "node:http";
import { chatAnswer, type StreamedAnswer, streamAt, streamedAnswer } from "./traffic.ts";

/** An idle connection that closes while a request is on its way to it would look like a failing upstream. */
const KEEP_ALIVE_MS = 600_000;

const json = { "content-type": "application/json", "content-length": Buffer.byteLength(chatAnswer) };
const eventStream = { "content-type": "text/event-stream" };

/** Each event alone, as a model sends them, and the next one as soon as it may: whoever reads slowly is waited for. */
function sendAtOnce(response: ServerResponse, answer: StreamedAnswer, index = 0): void {
  const { events } = answer;
  const next = () => sendAtOnce(response, answer, index + 1);
  if (index === events.length - 1) response.end(events[index]);
  else if (response.write(events[index])) setImmediate(next);
  else response.once("drain", next);
}

function sendPaced(response: ServerResponse, { events, paceMs }: StreamedAnswer): void {
  let next = 0;
  const send = () => {
    response.write(events[next++]);
    if (next < events.length) return;
    clearInterval(timer);
    response.end();
  };
  const timer = setInterval(send, paceMs);
  response.on("close", () => clearInterval(timer));
  send();
}

function send(response: ServerResponse, answer: StreamedAnswer): void {
  response.writeHead(200, eventStream);
  if (answer.paceMs > 0) sendPaced(response, answer);
  else sendAtOnce(response, answer);
}

const server = createServer((request, response) => {
  request.resume().once("end", () => {
    const stream = streamAt(request.url ?? "");
    if (stream === null) {
      response.writeHead(200, json).end(chatAnswer);
      return;
    }
    const answer = streamedAnswer(stream);
    if (answer.thinkMs > 0) setTimeout(() => send(response, answer), answer.thinkMs);
    else send(response, answer);
  });
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.({ port: address.port });
});
process.once("disconnect", () => process.exit(0));
