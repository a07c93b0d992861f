// kafkajs against a broker: kafkajs.js HOST:PORT. The package lies where NODE_PATH says. Prints ok and not ok lines.
"use strict";
const { Kafka, logLevel, CompressionTypes, ConfigResourceTypes } = require("kafkajs");

const kafka = new Kafka({ clientId: "js", brokers: [process.argv[2]], logLevel: logLevel.NOTHING, retry: { retries: 3 } });
const admin = kafka.admin();

function same(got, wanted) {
  const a = JSON.stringify(got), b = JSON.stringify(wanted);
  if (a !== b) throw new Error(`wanted ${b}, got ${a}`);
}

async function fails(type, what) {
  try {
    await what();
  } catch (e) {
    const first = e.errors ? e.errors[0] : e.groups ? e.groups[0].error : e;
    const inner = first.name === "KafkaJSNumberOfRetriesExceeded" ? first.cause : first;
    same(inner.type, type);
    return;
  }
  throw new Error(`wanted ${type}, nothing failed`);
}

async function until(what, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((r) => setTimeout(r, 20)))
    if (await what()) return;
  throw new Error(`not within ${seconds} s`);
}

// What an administrator has done. Kafka's broker hears of it from its controller a moment later; Weir knows at once.
async function soon(what) {
  if (process.env.PEER === "kafka") await until(what);
  else same(await what(), true);
}

const text = (b) => (b === null ? null : b.toString());

// All of partition 0 so far, by a group of its own.
async function read(topic, count, more = {}) {
  const c = kafka.consumer({ groupId: `kjs-read-${topic}-${Math.random()}`, ...more });
  const got = [];
  await c.connect();
  await c.subscribe({ topics: [topic], fromBeginning: true });
  await c.run({ eachMessage: async ({ message }) => { got.push(message); } });
  await until(() => got.length >= count);
  await new Promise((r) => setTimeout(r, 200)); // more would be wrong
  await c.disconnect();
  return got;
}

const checks = {
  "topics are created, described, grown, listed": async () => {
    same(await admin.createTopics({ topics: [{ topic: "kjs", numPartitions: 1, configEntries: [{ name: "retention.ms", value: "100000" }] }] }), true);
    same(await admin.createTopics({ topics: [{ topic: "kjs" }] }), false); // it is there
    await admin.createPartitions({ topicPartitions: [{ topic: "kjs", count: 3 }] });
    await soon(async () => (await admin.fetchTopicMetadata({ topics: ["kjs"] })).topics[0].partitions.length === 3);
    same((await admin.listTopics()).includes("kjs"), true);
    const cluster = await admin.describeCluster();
    same([cluster.brokers.length, cluster.controller, cluster.clusterId.length], [1, 1, 22]);
    await fails("INVALID_TOPIC_EXCEPTION", () => admin.createTopics({ topics: [{ topic: "no good" }] }));
  },

  "configurations are told and changed": async () => {
    const get = async () => {
      const told = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: "kjs" }], includeSynonyms: false });
      return Object.fromEntries(told.resources[0].configEntries.map((e) => [e.configName, e.configValue]));
    };
    same((await get())["retention.ms"], "100000");
    await admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: "kjs", configEntries: [{ name: "max.message.bytes", value: "100000" }] }] });
    await soon(async () => (await get())["max.message.bytes"] === "100000");
    same((await get())["retention.ms"], "604800000");
    await fails("INVALID_CONFIG", () => admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: "kjs", configEntries: [{ name: "no.such", value: "1" }] }] }));
  },

  "records: keys, nulls, headers, timestamps, gzip": async () => {
    await admin.createTopics({ topics: [{ topic: "kjs-records", numPartitions: 1 }] });
    const p = kafka.producer();
    await p.connect();
    for (const compression of [CompressionTypes.None, CompressionTypes.GZIP])
      await p.send({
        topic: "kjs-records", compression, messages: [
          { key: "k", value: "v".repeat(200), headers: { a: "1", b: ["2", "3"] }, timestamp: "1700000000123" },
          { key: null, value: "", timestamp: "1700000000124" },
          { key: "", value: null, timestamp: "1700000000125" },
        ],
      });
    await p.disconnect();
    const got = await read("kjs-records", 6);
    same(got.map((m) => [text(m.key), text(m.value), m.timestamp]), [0, 1].flatMap(() => [
      ["k", "v".repeat(200), "1700000000123"], [null, "", "1700000000124"], ["", null, "1700000000125"]]));
    same([text(got[3].headers.a), got[3].headers.b.map(text)], ["1", ["2", "3"]]);
    same(got.map((m) => m.offset), ["0", "1", "2", "3", "4", "5"]);
  },

  "offsets: the first, the last, of a time; records are deleted": async () => {
    const at = async () => (await admin.fetchTopicOffsets("kjs-records"))[0];
    same([(await at()).low, (await at()).high], ["0", "6"]);
    same((await admin.fetchTopicOffsetsByTimestamp("kjs-records", 1700000000124))[0].offset, "1");
    await admin.deleteTopicRecords({ topic: "kjs-records", partitions: [{ partition: 0, offset: "4" }] });
    same((await at()).low, "4");
    same((await read("kjs-records", 2)).map((m) => m.offset), ["4", "5"]);
  },

  "too large: refused": async () => {
    const p = kafka.producer({ retry: { retries: 0 } });
    await p.connect();
    await fails("MESSAGE_TOO_LARGE", () => p.send({ topic: "kjs", messages: [{ value: "x".repeat(200000) }] }));
    await p.disconnect();
  },

  "a group of two shares partitions, commits, goes on; is described and deleted": async () => {
    const p = kafka.producer();
    await p.connect();
    await p.send({ topic: "kjs", messages: [...Array(90).keys()].map((i) => ({ value: `${i}`, partition: i % 3 })) });
    const got = new Set(), assigned = {};
    const members = [];
    for (const name of ["a", "b"]) {
      const c = kafka.consumer({ groupId: "kjs-group", sessionTimeout: 10000, heartbeatInterval: 300, rebalanceTimeout: 10000 });
      c.on(c.events.GROUP_JOIN, (e) => { assigned[name] = (e.payload.memberAssignment.kjs || []).length; });
      await c.connect();
      await c.subscribe({ topics: ["kjs"], fromBeginning: true });
      await c.run({ autoCommitThreshold: 1, eachMessage: async ({ message }) => { got.add(text(message.value)); } });
      members.push(c);
    }
    await until(() => got.size === 90 && assigned.a + assigned.b === 3 && assigned.a && assigned.b);
    const told = (await admin.describeGroups(["kjs-group"])).groups[0];
    same([told.state, told.members.length, told.protocolType], ["Stable", 2, "consumer"]);
    same((await admin.listGroups()).groups.some((g) => g.groupId === "kjs-group"), true);
    await fails("NON_EMPTY_GROUP", () => admin.deleteGroups(["kjs-group"]));
    await Promise.all(members.map((c) => c.disconnect()));
    const committed = async () => (await admin.fetchOffsets({ groupId: "kjs-group", topics: ["kjs"] }))[0].partitions.map((x) => Number(x.offset)).sort((x, y) => x - y);
    same(await committed(), [30, 30, 30]);
    await admin.resetOffsets({ groupId: "kjs-group", topic: "kjs", earliest: true });
    await admin.setOffsets({ groupId: "kjs-group", topic: "kjs", partitions: [{ partition: 0, offset: "29" }] });
    const again = kafka.consumer({ groupId: "kjs-group" }), from = [];
    await again.connect();
    await again.subscribe({ topics: ["kjs"] });
    await again.run({ eachMessage: async ({ partition, message }) => { if (partition === 0) from.push(message.offset); } });
    await until(() => from.length > 0);
    same(from[0], "29");
    await again.disconnect();
    await p.disconnect();
    await until(async () => (await admin.describeGroups(["kjs-group"])).groups[0].state === "Empty");
    await admin.deleteGroups(["kjs-group"]);
    await fails("GROUP_ID_NOT_FOUND", () => admin.deleteGroups(["kjs-group"]));
  },

  "transactions: committed records are read, aborted ones not; offsets go with them": async () => {
    await admin.createTopics({ topics: [{ topic: "kjs-txn", numPartitions: 1 }] });
    const p = kafka.producer({ transactionalId: "kjs-txn", maxInFlightRequests: 1, idempotent: true });
    await p.connect();
    for (let n = 0; n < 4; n++) {
      const t = await p.transaction();
      await t.send({ topic: "kjs-txn", messages: [{ value: `${n}-a` }, { value: `${n}-b` }] });
      await t.sendOffsets({ consumerGroupId: "kjs-txn-group", topics: [{ topic: "kjs-txn", partitions: [{ partition: 0, offset: `${n}` }] }] });
      await (n % 2 ? t.abort() : t.commit());
    }
    await p.disconnect();
    same((await read("kjs-txn", 4)).map((m) => text(m.value)), ["0-a", "0-b", "2-a", "2-b"]);
    same((await read("kjs-txn", 8, { readUncommitted: true })).length, 8);
    await until(async () => (await admin.fetchOffsets({ groupId: "kjs-txn-group", topics: ["kjs-txn"] }))[0].partitions[0].offset === "2");
  },

  "topics are deleted": async () => {
    await admin.deleteTopics({ topics: ["kjs", "kjs-records"] });
    await soon(async () => !(await admin.listTopics()).includes("kjs"));
    await fails("UNKNOWN_TOPIC_OR_PARTITION", () => admin.deleteTopics({ topics: ["kjs-none"] }));
  },
};

(async () => {
  await admin.connect();
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok kafkajs: ${name}`);
    } catch (e) {
      console.log(`not ok kafkajs: ${name}`);
      console.log(`#   ${e.stack}`.replace(/\n/g, "\n#   "));
    }
  }
  await admin.disconnect();
  process.exit(0);
})();
