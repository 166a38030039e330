// A program with MQTT.js: two users talk over the hub in the ways that MQTT.js knows.
//
// node mqtt_js_conversation.js <address> <level> <ca or ->; it ends with exit code 0 when all went
// as MQTT says. A promise that nothing settles ends it, too: then with what it had waited for.

"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const mqtt = require("mqtt");

const [address, levelText, ca] = process.argv.slice(2);
const level = Number(levelText);
const PATIENCE_MS = 20_000;

// A client, and what it gets, one message after the other.
class Party {
  static async connect(name, options = {}) {
    const party = new Party();
    party.came = [];
    party.waiting = [];
    party.client = mqtt.connect(address, {
      protocolVersion: level,
      clientId: name,
      username: "hass",
      password: "hass-pw",
      reconnectPeriod: 100,
      ...(ca === "-" ? {} : { ca: fs.readFileSync(ca) }),
      ...options,
    });
    party.client.on("message", (topic, payload, packet) => {
      const { qos, retain, properties = {} } = packet;
      const got = { topic, payload: payload.toString(), qos, retain, properties };
      const taker = party.waiting.shift();
      if (taker) taker(got);
      else party.came.push(got);
    });
    party.connack = await party.once("connect");
    return party;
  }

  once(event) {
    return inTime(event, new Promise((resolve) => this.client.once(event, resolve)));
  }

  message() {
    if (this.came.length) return Promise.resolve(this.came.shift());
    return inTime("a message", new Promise((resolve) => this.waiting.push(resolve)));
  }

  async expect(topic, payload) {
    const got = await this.message();
    assert.deepEqual([got.topic, got.payload], [topic, payload]);
    return got;
  }

  subscribe(filter, qos) {
    return inTime(`SUBACK of ${filter}`, this.client.subscribeAsync(filter, { qos }));
  }

  publish(topic, payload, options) {
    return inTime(`the end of ${topic}`, this.client.publishAsync(topic, payload, options));
  }

  leave() {
    return inTime("the goodbye", this.client.endAsync());
  }
}

async function inTime(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function everyQosBothWays() {
  const sender = await Party.connect("sender");
  const hearer = await Party.connect("hearer");
  for (const granted of [0, 1, 2]) {
    await hearer.subscribe("room/#", granted);
    for (const sent of [0, 1, 2]) {
      await sender.publish(`room/${granted}`, `at ${sent}`, { qos: sent });
      const got = await hearer.expect(`room/${granted}`, `at ${sent}`);
      assert.deepEqual([got.qos, got.retain], [Math.min(granted, sent), false]);
    }
  }
  await Promise.all([sender.leave(), hearer.leave()]);
}

async function retainedWaits() {
  const sender = await Party.connect("sender");
  await sender.publish("hall/lamp", "on", { qos: 1, retain: true });
  const late = await Party.connect("late");
  await late.subscribe("hall/#", 1);
  assert.equal((await late.expect("hall/lamp", "on")).retain, true);
  await sender.publish("hall/lamp", "", { qos: 1, retain: true });
  assert.equal((await late.expect("hall/lamp", "")).retain, false);
  const later = await Party.connect("later");
  await later.subscribe("hall/#", 1);
  await sender.publish("hall/end", "end", { qos: 1 });
  await later.expect("hall/end", "end");
  await Promise.all([sender.leave(), late.leave(), later.leave()]);
}

async function willIsExecuted() {
  const hearer = await Party.connect("hearer");
  await hearer.subscribe("will/#", 1);
  const will = { topic: "will/dying", payload: Buffer.from("gone"), qos: 1, retain: false };
  const dying = await Party.connect("dying", { will, reconnectPeriod: 0 });
  dying.client.stream.destroy();
  await hearer.expect("will/dying", "gone");
  await Promise.all([hearer.leave(), dying.leave()]);
}

async function sessionOutlivesBreaks() {
  const keeps = level === 5 ? { properties: { sessionExpiryInterval: 600 } } : {};
  const sleeper = await Party.connect("sleeper", { clean: false, resubscribe: false, ...keeps });
  assert.equal(sleeper.connack.sessionPresent, false);
  await sleeper.subscribe("night/#", 1);
  const sender = await Party.connect("sender");
  const back = sleeper.once("connect");
  sleeper.client.stream.destroy();
  for (let number = 0; number < 20; number += 1) {
    await sender.publish("night/x", String(number), { qos: 1 });
  }
  assert.equal((await back).sessionPresent, true);
  const heard = new Set();
  while (heard.size < 20) heard.add((await sleeper.message()).payload);
  await Promise.all([sleeper.leave(), sender.leave()]);
}

async function aliasesAndProperties() {
  const aliases = { topicAliasMaximum: 5 };
  const sender = await Party.connect("sender", { autoUseTopicAlias: true });
  const hearer = await Party.connect("hearer", { properties: aliases });
  assert.ok(sender.connack.properties.topicAliasMaximum > 0);
  await hearer.subscribe("alias/#", 1);
  const properties = {
    contentType: "text/plain",
    responseTopic: "answers/1",
    correlationData: Buffer.from([1, 2]),
    userProperties: { colour: ["red", "blue"] },
  };
  for (let number = 0; number < 5; number += 1) {
    await sender.publish("alias/long/name", String(number), { qos: 1, properties });
    const got = await hearer.expect("alias/long/name", String(number));
    assert.equal(got.properties.contentType, "text/plain");
    assert.equal(got.properties.responseTopic, "answers/1");
    assert.deepEqual(got.properties.correlationData, Buffer.from([1, 2]));
    assert.deepEqual([...got.properties.userProperties.colour], ["red", "blue"]);
  }
  await Promise.all([sender.leave(), hearer.leave()]);
}

async function main() {
  await everyQosBothWays();
  await retainedWaits();
  await willIsExecuted();
  await sessionOutlivesBreaks();
  if (level === 5) await aliasesAndProperties();
  console.log("all is well");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
