// ingress.mjs PORT KEY PROCESSES: verifies a webhook, claims its identity and adds it to the queue of REDIS_URL. A job holds
// what ours holds, the body as it came among it.
import cluster from "node:cluster";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import Bull from "bull";
import fastify from "fastify";

const [port, key, processes] = process.argv.slice(2);
const CLAIM_SECONDS = 3600;
const OPTIONS = { attempts: 5, backoff: { type: "exponential", delay: 1000 }, removeOnComplete: true };

async function serve() {
  const queue = new Bull("webhooks", process.env.REDIS_URL);
  await queue.isReady();
  const app = fastify();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.post("/api/webhooks/:endpoint/:company", async (request, reply) => {
    const { body, params } = request;
    const expected = createHmac("sha256", key).update(body).digest();
    const given = Buffer.from(request.headers.signature ?? "", "base64");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return reply.code(401).send({ success: false, message: "the signature is not that of this body" });
    }
    const text = body.toString();
    const { eventName, payload } = JSON.parse(text);
    const identity = `${params.company}:${payload.id}:${eventName}`;
    const webhookId = randomUUID();
    const first = await queue.client.set(`claim:${identity}`, webhookId, "EX", CLAIM_SECONDS, "NX");
    if (!first) return reply.code(200).send({ success: true, duplicate: true });
    const job = { webhookId, ...params, identity, eventName, receivedAt: Date.now(), body: text };
    await queue.add(job, { ...OPTIONS, jobId: webhookId });
    return reply.code(202).send({ success: true, webhookId, duplicate: false });
  });
  await app.listen({ host: "127.0.0.1", port: Number(port) });
}

if (cluster.isPrimary && Number(processes) > 1) {
  for (let n = 0; n < Number(processes); n++) cluster.fork();
} else {
  await serve();
}
