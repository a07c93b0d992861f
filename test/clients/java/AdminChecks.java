import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;

/** Topics, configurations, offsets and the cluster by the admin client: results and errors as Kafka has them. */
class AdminChecks extends Kit {
    static ConfigResource topic(String name) {
        return new ConfigResource(ConfigResource.Type.TOPIC, name);
    }

    static ConfigEntry config(String topic, String key) throws Exception {
        return admin.describeConfigs(List.of(topic(topic))).all().get().get(topic(topic)).get(key);
    }

    static void alter(String topic, String key, String value, AlterConfigOp.OpType how) throws Exception {
        admin.incrementalAlterConfigs(Map.of(topic(topic), List.of(new AlterConfigOp(new ConfigEntry(key, value), how)))).all().get();
    }

    static long offset(String topic, OffsetSpec spec) throws Exception {
        var tp = new TopicPartition(topic, 0);
        return admin.listOffsets(Map.of(tp, spec)).all().get().get(tp).offset();
    }

    static void topics() throws Exception {
        var made = admin.createTopics(List.of(new NewTopic("ja", 3, (short) 1).configs(Map.of("retention.ms", "100000"))));
        same(3, made.numPartitions("ja").get());
        same("100000", made.config("ja").get().get("retention.ms").value());
        Uuid id = made.topicId("ja").get();
        soon(true, () -> admin.listTopics().names().get().contains("ja"));
        var told = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id);
        same("ja", told.name());
        same(3, told.partitions().size());
        same(1, told.partitions().get(0).isr().size());
        same(false, told.isInternal());
        same(id, admin.listTopics().namesToListings().get().get("ja").topicId());
        admin.createPartitions(Map.of("ja", NewPartitions.increaseTo(5))).all().get();
        soon(5, () -> admin.describeTopics(List.of("ja")).allTopicNames().get().get("ja").partitions().size());
        admin.createTopics(List.of(new NewTopic("ja-not", 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
        that(!admin.listTopics().names().get().contains("ja-not"));
        create("ja-gone", 1);
        soon(true, () -> admin.listTopics().names().get().contains("ja-gone"));
        Uuid gone = admin.describeTopics(List.of("ja-gone")).allTopicNames().get().get("ja-gone").topicId();
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(gone))).all().get();
        soon(false, () -> admin.listTopics().names().get().contains("ja-gone"));
        fails(UnknownTopicIdException.class, () -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(gone))).all().get());
    }

    static void topicErrors() throws Exception {
        fails(TopicExistsException.class, () -> create("ja", 1));
        fails(InvalidTopicException.class, () -> create("no/good", 1));
        fails(InvalidTopicException.class, () -> create(".", 1));
        fails(InvalidTopicException.class, () -> create("x".repeat(250), 1));
        fails(InvalidPartitionsException.class, () -> create("ja-none", 0));
        fails(InvalidReplicationFactorException.class,
                () -> admin.createTopics(List.of(new NewTopic("ja-none", 1, (short) 0))).all().get());
        fails(InvalidConfigurationException.class, () -> create("ja-none", 1, "retention.ms", "soon"));
        fails(InvalidConfigurationException.class, () -> create("ja-none", 1, "no.such", "1"));
        fails(InvalidReplicaAssignmentException.class,
                () -> admin.createTopics(List.of(new NewTopic("ja-none", Map.of(0, List.of(7))))).all().get());
        fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of("ja-none")).allTopicNames().get());
        fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of("ja-none")).all().get());
        fails(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of("ja", NewPartitions.increaseTo(5))).all().get());
        fails(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of("ja", NewPartitions.increaseTo(2))).all().get());
        fails(UnknownTopicOrPartitionException.class,
                () -> admin.createPartitions(Map.of("ja-none", NewPartitions.increaseTo(2))).all().get());
    }

    static void configs() throws Exception {
        same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config("ja", "retention.ms").source());
        same(ConfigEntry.ConfigSource.DEFAULT_CONFIG, config("ja", "segment.bytes").source());
        same("1073741824", config("ja", "segment.bytes").value());
        same(ConfigEntry.ConfigType.INT, config("ja", "segment.bytes").type());
        same(ConfigEntry.ConfigType.LIST, config("ja", "cleanup.policy").type());
        alter("ja", "segment.bytes", "2000000", AlterConfigOp.OpType.SET);
        soon("2000000", () -> config("ja", "segment.bytes").value());
        alter("ja", "segment.bytes", null, AlterConfigOp.OpType.DELETE);
        soon("1073741824", () -> config("ja", "segment.bytes").value());
        alter("ja", "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND);
        soon("delete,compact", () -> config("ja", "cleanup.policy").value());
        alter("ja", "cleanup.policy", "compact", AlterConfigOp.OpType.SUBTRACT);
        soon("delete", () -> config("ja", "cleanup.policy").value());
        fails(InvalidConfigurationException.class, () -> alter("ja", "segment.bytes", "many", AlterConfigOp.OpType.SET));
        fails(InvalidConfigurationException.class, () -> alter("ja", "segment.bytes", "1", AlterConfigOp.OpType.SET));
        fails(InvalidConfigurationException.class, () -> alter("ja", "no.such", "1", AlterConfigOp.OpType.SET));
        fails(InvalidConfigurationException.class, () -> alter("ja", "segment.bytes", "1", AlterConfigOp.OpType.APPEND));
        fails(UnknownTopicOrPartitionException.class, () -> alter("ja-none", "segment.bytes", "2000000", AlterConfigOp.OpType.SET));
        fails(UnknownTopicOrPartitionException.class, () -> config("ja-none", "segment.bytes"));
        var broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        same("4", admin.describeConfigs(List.of(broker)).all().get().get(broker).get("num.partitions").value());
    }

    static void offsets() throws Exception {
        create("jo", 1);
        try (var p = producer("linger.ms", 0, "batch.size", 0)) {
            for (int i = 0; i < 10; i++) // the fifth is the newest
                p.send(new org.apache.kafka.clients.producer.ProducerRecord<>("jo", 0, i == 4 ? 5000L : 1000L + i, null, "v" + i)).get();
        }
        same(0L, offset("jo", OffsetSpec.earliest()));
        same(10L, offset("jo", OffsetSpec.latest()));
        same(4L, offset("jo", OffsetSpec.maxTimestamp()));
        same(3L, offset("jo", OffsetSpec.forTimestamp(1003)));
        same(4L, offset("jo", OffsetSpec.forTimestamp(1004)));
        same(4L, offset("jo", OffsetSpec.forTimestamp(4000)));
        same(-1L, offset("jo", OffsetSpec.forTimestamp(6000)));
        fails(TimeoutException.class, () -> admin.listOffsets(Map.of(new TopicPartition("jo", 3), OffsetSpec.latest()),
                new ListOffsetsOptions().timeoutMs(1000)).all().get()); // the client goes on asking for who leads it
    }

    static void records() throws Exception {
        var tp = new TopicPartition("jo", 0);
        same(6L, admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(6))).lowWatermarks().get(tp).get().lowWatermark());
        same(6L, offset("jo", OffsetSpec.earliest()));
        same(List.of("v6", "v7", "v8", "v9"), values("jo", "read_uncommitted"));
        same(6L, admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(2))).lowWatermarks().get(tp).get().lowWatermark());
        fails(OffsetOutOfRangeException.class, () -> admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(11))).all().get());
        same(10L, admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(tp).get().lowWatermark());
        same(List.of(), values("jo", "read_uncommitted"));
        create("jo-compact", 1, "cleanup.policy", "compact");
        fails(PolicyViolationException.class, () -> admin.deleteRecords(
                Map.of(new TopicPartition("jo-compact", 0), RecordsToDelete.beforeOffset(-1))).all().get());
    }

    static void cluster() throws Exception {
        var c = admin.describeCluster();
        same(1, c.nodes().get().size());
        same(1, c.controller().get().id());
        same(22, c.clusterId().get().length());
        same(at, c.nodes().get().iterator().next().host() + ":" + c.nodes().get().iterator().next().port());
        var dirs = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1);
        same(1, dirs.size());
        var dir = dirs.values().iterator().next();
        same(null, dir.error());
        that(dir.totalBytes().getAsLong() > 0 && dir.usableBytes().getAsLong() <= dir.totalBytes().getAsLong());
        that(dir.replicaInfos().containsKey(new TopicPartition("ja", 4)));
        same(Map.of(), admin.listPartitionReassignments().reassignments().get());
        fails(ElectionNotNeededException.class, () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(new TopicPartition("ja", 0)))
                .partitions().get().get(new TopicPartition("ja", 0)).map(e -> { throw (RuntimeException) e; }));
        fails(SecurityDisabledException.class,
                () -> admin.describeAcls(org.apache.kafka.common.acl.AclBindingFilter.ANY).values().get());
        var features = admin.describeFeatures().featureMetadata().get();
        that(features.finalizedFeatures().get("transaction.version").maxVersionLevel() >= 2);
    }

    static void all() {
        check("topics are created, described by name and id, listed, grown, deleted by id", AdminChecks::topics);
        check("what is wrong with a topic has an error of its own", AdminChecks::topicErrors);
        check("configurations: sources, types, set, deleted, appended, subtracted, refused", AdminChecks::configs);
        check("offsets: the first, the last, of the newest record, of a time", AdminChecks::offsets);
        check("records are deleted up to an offset, up to the end, not beyond", AdminChecks::records);
        check("the cluster, its directories, features, elections, reassignments", AdminChecks::cluster);
    }
}
