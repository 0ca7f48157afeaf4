/** The mock upstream, a process of its own: the same answers for everybody, as fast as Node gives them. */
import { createServer, type ServerResponse } from "node:http";
import { chatAnswer, PACE_MS, streamEvents } from "./traffic.ts";

/** An idle connection that closes while a request is on its way to it would look like a failing upstream. */
const KEEP_ALIVE_MS = 600_000;

const json = { "content-type": "application/json", "content-length": Buffer.byteLength(chatAnswer) };
const eventStream = { "content-type": "text/event-stream" };

/** Each event alone, as a model sends them, and the next one as soon as it may. */
function sendAtOnce(response: ServerResponse, index = 0): void {
  const next = index + 1;
  if (next >= streamEvents.length) response.end(streamEvents[index]);
  else {
    response.write(streamEvents[index]);
    setImmediate(sendAtOnce, response, next);
  }
}

function sendPaced(response: ServerResponse): void {
  let next = 0;
  const send = () => {
    response.write(streamEvents[next++]);
    if (next < streamEvents.length) return;
    clearInterval(timer);
    response.end();
  };
  const timer = setInterval(send, PACE_MS);
  response.on("close", () => clearInterval(timer));
  send();
}

const server = createServer((request, response) => {
  request.resume().once("end", () => {
    if (request.url?.includes("/deployments/chat/")) response.writeHead(200, json).end(chatAnswer);
    else {
      response.writeHead(200, eventStream);
      if (request.url?.includes("/deployments/paced/")) sendPaced(response);
      else sendAtOnce(response);
    }
  });
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.({ port: address.port });
});
process.once("disconnect", () => process.exit(0));
