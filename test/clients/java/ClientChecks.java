import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.record.TimestampType;

/** Producers and consumers: records, limits, groups, positions. */
class ClientChecks extends Kit {
    static void records() throws Exception {
        create("jr", 1);
        int n = 0;
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (var p = producer("compression.type", codec, "linger.ms", 20)) {
                for (int i = 0; i < 50; i++, n++) {
                    var r = new ProducerRecord<String, String>("jr", 0, 1_700_000_000_000L + n, i % 3 == 0 ? null : "k" + i,
                            i % 7 == 0 ? null : codec.repeat(20) + i);
                    r.headers().add("a", "1".getBytes()).add("n", null).add("a", "2".getBytes());
                    p.send(r);
                }
            }
        }
        var got = read("jr", "read_uncommitted");
        same(n, got.size());
        for (int i = 0; i < n; i++) {
            var r = got.get(i);
            same((long) i, r.offset());
            same(1_700_000_000_000L + i, r.timestamp());
            same(TimestampType.CREATE_TIME, r.timestampType());
            same(i % 50 % 3 == 0 ? null : "k" + i % 50, r.key());
            same(i % 50 % 7 == 0, r.value() == null);
            same("a=1;n=null;a=2;", headers(r));
            same(Optional.of(0), r.leaderEpoch());
        }
        create("jr-time", 1, "message.timestamp.type", "LogAppendTime");
        long before = System.currentTimeMillis();
        try (var p = producer()) {
            long told = p.send(new ProducerRecord<>("jr-time", 0, 5L, "k", "v")).get().timestamp();
            var r = read("jr-time", "read_uncommitted").get(0);
            same(TimestampType.LOG_APPEND_TIME, r.timestampType());
            same(told, r.timestamp());
            that(told >= before && told <= System.currentTimeMillis());
        }
    }

    static void acks() throws Exception {
        create("jk", 1);
        for (String acks : List.of("0", "1", "all"))
            try (var p = producer("acks", acks, "enable.idempotence", acks.equals("all"))) {
                for (int i = 0; i < 20; i++)
                    p.send(record("jk", acks + i));
            }
        until(() -> values("jk", "read_uncommitted").size() == 60);
    }

    static void limits() throws Exception {
        create("jl", 1, "max.message.bytes", "2000", "cleanup.policy", "compact");
        try (var p = producer()) {
            fails(RecordTooLargeException.class, () -> p.send(new ProducerRecord<>("jl", 0, "k", "x".repeat(3000))).get());
            fails(InvalidRecordException.class, () -> p.send(record("jl", "no key")).get());
            same(0L, p.send(new ProducerRecord<>("jl", 0, "k", "x")).get().offset());
        }
        create("jl-time", 1, "message.timestamp.before.max.ms", "1000", "message.timestamp.after.max.ms", "1000");
        try (var p = producer()) {
            long now = System.currentTimeMillis();
            fails(InvalidTimestampException.class, () -> p.send(new ProducerRecord<>("jl-time", 0, now - 100000, "k", "v")).get());
            fails(InvalidTimestampException.class, () -> p.send(new ProducerRecord<>("jl-time", 0, now + 100000, "k", "v")).get());
        }
        try (var p = producer("max.block.ms", 3000)) {
            fails(InvalidTopicException.class, () -> p.send(new ProducerRecord<>("no good", "v")).get());
        }
    }

    static void positions() throws Exception {
        var tp = new TopicPartition("jr", 0);
        try (var c = consumer("auto.offset.reset", "none")) {
            c.assign(List.of(tp));
            fails(NoOffsetForPartitionException.class, () -> c.poll(Duration.ofSeconds(5)));
        } catch (InvalidGroupIdException e) {
            throw new AssertionError(e);
        }
        try (var c = consumer("auto.offset.reset", "none")) {
            c.assign(List.of(tp));
            c.seek(tp, 4711);
            fails(org.apache.kafka.clients.consumer.OffsetOutOfRangeException.class, () -> {
                for (int i = 0; i < 50; i++)
                    c.poll(Duration.ofMillis(100));
            });
            same(Map.of(tp, 0L), c.beginningOffsets(List.of(tp)));
            same(Map.of(tp, 250L), c.endOffsets(List.of(tp)));
            same(77L, c.offsetsForTimes(Map.of(tp, 1_700_000_000_077L)).get(tp).offset());
            same(null, c.offsetsForTimes(Map.of(tp, 1_800_000_000_000L)).get(tp));
            c.seek(tp, 33); // amid a batch
            ConsumerRecords<String, String> got;
            do
                got = c.poll(Duration.ofMillis(100));
            while (got.isEmpty());
            same(33L, got.iterator().next().offset());
        }
    }

    static void fetchSizes() throws Exception {
        create("jf", 2);
        try (var p = producer()) {
            for (int i = 0; i < 20; i++)
                p.send(new ProducerRecord<>("jf", i % 2, null, "x".repeat(20000) + i));
        }
        try (var c = consumer("max.partition.fetch.bytes", 100, "fetch.max.bytes", 100, "max.poll.records", 1)) {
            var both = List.of(new TopicPartition("jf", 0), new TopicPartition("jf", 1));
            c.assign(both);
            c.seekToBeginning(both);
            int[] n = new int[2];
            until(() -> {
                c.poll(Duration.ofMillis(100)).forEach(r -> n[r.partition()]++);
                return n[0] == 10 && n[1] == 10;
            });
        }
    }

    static KafkaConsumer<String, String> member(String group, String assignor, Object... more) {
        var all = new ArrayList<Object>(List.of("group.id", group, "session.timeout.ms", 10000, "heartbeat.interval.ms", 200,
                "partition.assignment.strategy", "org.apache.kafka.clients.consumer." + assignor));
        all.addAll(List.of(more));
        return consumer(all.toArray());
    }

    static void rebalance(String assignor) throws Exception {
        String group = "jg-" + assignor;
        create(group, 4);
        try (var p = producer()) {
            for (int i = 0; i < 40; i++)
                p.send(new ProducerRecord<>(group, i % 4, null, "" + i));
        }
        Set<String> got = new HashSet<>();
        List<TopicPartition> revoked = new ArrayList<>();
        try (var a = member(group, assignor); var b = member(group, assignor)) {
            a.subscribe(List.of(group), new ConsumerRebalanceListener() {
                public void onPartitionsRevoked(Collection<TopicPartition> p) {
                    revoked.addAll(p);
                }

                public void onPartitionsAssigned(Collection<TopicPartition> p) {
                }
            });
            until(() -> {
                a.poll(Duration.ofMillis(50)).forEach(r -> got.add(r.value()));
                return a.assignment().size() == 4;
            });
            b.subscribe(List.of(group));
            until(() -> {
                a.poll(Duration.ofMillis(50)).forEach(r -> got.add(r.value()));
                b.poll(Duration.ofMillis(50)).forEach(r -> got.add(r.value()));
                return a.assignment().size() == 2 && b.assignment().size() == 2 && got.size() == 40 &&
                        a.assignment().stream().allMatch(tp -> a.position(tp) == 10) &&
                        b.assignment().stream().allMatch(tp -> b.position(tp) == 10);
            });
            same(assignor.startsWith("Cooperative") ? 2 : 4, revoked.size());
            a.commitSync();
            b.commitSync();
            var told = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            same(GroupState.STABLE, told.groupState());
            same(GroupType.CLASSIC, told.type());
            same(2, told.members().size());
            same(4, told.members().stream().mapToInt(m -> m.assignment().topicPartitions().size()).sum());
            that(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group) && g.protocol().equals("consumer")));
            fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            var tp = new TopicPartition(group, 0);
            fails(UnknownMemberIdException.class,
                    () -> admin.alterConsumerGroupOffsets(group, Map.of(tp, new OffsetAndMetadata(1))).all().get());
            fails(GroupSubscribedToTopicException.class, () -> admin.deleteConsumerGroupOffsets(group, Set.of(tp)).all().get());
        }
        until(() -> {
            try {
                return admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState() == GroupState.EMPTY;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
    }

    static void groupOffsets() throws Exception {
        String group = "jg-RangeAssignor";
        var tp = new TopicPartition(group, 0);
        same(10L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(tp).offset());
        admin.alterConsumerGroupOffsets(group, Map.of(tp, new OffsetAndMetadata(3, Optional.of(0), "note"))).all().get();
        var told = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        same(new OffsetAndMetadata(3, Optional.of(0), "note"), told.get(tp));
        same(4, told.size());
        admin.deleteConsumerGroupOffsets(group, Set.of(tp)).all().get();
        same(3, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().size());
        try (var c = consumer("group.id", group)) {
            fails(OffsetMetadataTooLarge.class, () -> c.commitSync(Map.of(tp, new OffsetAndMetadata(1, "x".repeat(5000)))));
            c.commitSync(Map.of(tp, new OffsetAndMetadata(1, "x".repeat(4096))));
        }
        admin.deleteConsumerGroups(List.of(group)).all().get();
        fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        fails(GroupIdNotFoundException.class, () -> admin.describeConsumerGroups(List.of("jg-none")).all().get());
        fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroupOffsets("jg-none", Set.of(tp)).all().get());
    }

    static void staticMembers() throws Exception {
        create("js", 2);
        var first = member("js", "RangeAssignor", "group.instance.id", "one");
        first.subscribe(List.of("js"));
        until(() -> {
            first.poll(Duration.ofMillis(50));
            return first.assignment().size() == 2;
        });
        try (var second = member("js", "RangeAssignor", "group.instance.id", "one")) {
            second.subscribe(List.of("js"));
            until(() -> {
                second.poll(Duration.ofMillis(50));
                return second.assignment().size() == 2;
            });
            fails(FencedInstanceIdException.class, () -> {
                for (int i = 0; i < 100; i++)
                    first.poll(Duration.ofMillis(50));
            });
            first.close(Duration.ofSeconds(1));
            var m = admin.describeConsumerGroups(List.of("js")).all().get().get("js").members();
            same(1, m.size());
            same(Optional.of("one"), m.iterator().next().groupInstanceId());
        }
        same(1, admin.describeConsumerGroups(List.of("js")).all().get().get("js").members().size()); // it stays until its session ends
        admin.removeMembersFromConsumerGroup("js", new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).all().get();
        same(0, admin.describeConsumerGroups(List.of("js")).all().get().get("js").members().size());
        fails(UnknownMemberIdException.class, () -> admin.removeMembersFromConsumerGroup("js",
                new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).memberResult(new MemberToRemove("one")).get());
    }

    static void pattern() throws Exception {
        create("jp-a", 1);
        produce("jp-a", "a");
        try (var c = consumer("group.id", "jp", "metadata.max.age.ms", 200)) {
            c.subscribe(java.util.regex.Pattern.compile("jp-.*"));
            Set<String> got = new HashSet<>();
            until(() -> {
                c.poll(Duration.ofMillis(50)).forEach(r -> got.add(r.value()));
                return got.contains("a");
            });
            create("jp-b", 1); // while it reads
            produce("jp-b", "b");
            until(() -> {
                c.poll(Duration.ofMillis(50)).forEach(r -> got.add(r.value()));
                return got.contains("b");
            });
        }
    }

    static void all() {
        check("records: codecs, nulls, headers, timestamps of both types", ClientChecks::records);
        check("acks 0, 1 and all", ClientChecks::acks);
        check("too large, without a key, out of time, an invalid topic: refused", ClientChecks::limits);
        check("positions: none, outside, for times, amid a batch", ClientChecks::positions);
        check("a fetch limit below a record's size still gets on, in all partitions", ClientChecks::fetchSizes);
        for (String assignor : List.of("RangeAssignor", "CooperativeStickyAssignor"))
            check("a group rebalances: " + assignor, () -> rebalance(assignor));
        check("offsets of a group are listed, altered, deleted, and the group with them", ClientChecks::groupOffsets);
        check("a static member is replaced, stays, and is removed", ClientChecks::staticMembers);
        check("a pattern takes in topics that come later", ClientChecks::pattern);
    }
}
