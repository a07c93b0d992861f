import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;

/** Transactions: what is seen when, who fences whom, what the admin client tells and ends. */
class TxnChecks extends Kit {
    static KafkaProducer<String, String> begun(String id, Object... more) {
        var all = new ArrayList<Object>(List.of("transactional.id", id));
        all.addAll(List.of(more));
        var p = producer(all.toArray());
        p.initTransactions();
        p.beginTransaction();
        return p;
    }

    static void visibility() throws Exception {
        create("jt", 1);
        try (var p = begun("jt")) {
            List<String> committed = new ArrayList<>(), all = new ArrayList<>();
            for (int t = 0; t < 6; t++) {
                if (t > 0)
                    p.beginTransaction();
                for (int i = 0; i < 4; i++) {
                    p.send(record("jt", t + "-" + i)).get();
                    all.add(t + "-" + i);
                }
                same(committed, values("jt", "read_committed"));
                same(all, values("jt", "read_uncommitted"));
                if (t % 2 == 0) {
                    p.commitTransaction();
                    for (int i = 0; i < 4; i++)
                        committed.add(t + "-" + i);
                } else
                    p.abortTransaction();
                until(new TopicPartition("jt", 0), 5L * (t + 1)); // the marker may come after the answer
                same(committed, values("jt", "read_committed"));
            }
        }
        var tp = new TopicPartition("jt", 0);
        same(30L, admin.listOffsets(Map.of(tp, OffsetSpec.latest())).all().get().get(tp).offset()); // 24 records, 6 markers
    }

    static void open() throws Exception {
        create("jt-open", 2);
        var tp = new TopicPartition("jt-open", 0);
        try (var p = begun("jt-open", "transaction.timeout.ms", 60000)) {
            p.send(record("jt-open", "open")).get();
            produce("jt-open", "plain");
            same(List.of(), values("jt-open", "read_committed"));
            var committed = new ListOffsetsOptions(IsolationLevel.READ_COMMITTED);
            same(0L, admin.listOffsets(Map.of(tp, OffsetSpec.latest()), committed).all().get().get(tp).offset());
            same(2L, admin.listOffsets(Map.of(tp, OffsetSpec.latest())).all().get().get(tp).offset());
            var told = admin.describeTransactions(List.of("jt-open")).all().get().get("jt-open");
            same(TransactionState.ONGOING, told.state());
            same(Set.of(tp), told.topicPartitions());
            same(60000L, told.transactionTimeoutMs());
            that(admin.listTransactions().all().get().stream()
                    .anyMatch(t -> t.transactionalId().equals("jt-open") && t.producerId() == told.producerId()));
            var producers = admin.describeProducers(List.of(tp)).all().get().get(tp).activeProducers();
            var mine = producers.stream().filter(s -> s.producerId() == told.producerId()).findFirst().get();
            same(OptionalLong.of(0), mine.currentTransactionStartOffset());
            same(told.producerEpoch(), mine.producerEpoch());
            same(0, mine.lastSequence());
            p.commitTransaction();
            until(tp, 3);
            same(List.of("open", "plain"), values("jt-open", "read_committed"));
            until(() -> {
                try {
                    return admin.describeTransactions(List.of("jt-open")).all().get().get("jt-open").state() == TransactionState.COMPLETE_COMMIT;
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
        }
        fails(TransactionalIdNotFoundException.class, () -> admin.describeTransactions(List.of("jt-none")).all().get());
    }

    static void fenced() throws Exception {
        create("jt-fence", 1);
        try (var a = begun("jt-fence"); var b = producer("transactional.id", "jt-fence")) {
            a.send(record("jt-fence", "old")).get();
            b.initTransactions(); // which aborts what is open
            fails(InvalidProducerEpochException.class, () -> a.send(record("jt-fence", "late")).get());
            b.beginTransaction();
            b.send(record("jt-fence", "new"));
            b.commitTransaction();
            same(List.of("new"), values("jt-fence", "read_committed"));
        }
        try (var a = begun("jt-fence-2")) {
            a.send(record("jt-fence", "old")).get();
            admin.fenceProducers(List.of("jt-fence-2")).all().get();
            fails(ProducerFencedException.class, a::commitTransaction);
        }
        same(List.of("new"), values("jt-fence", "read_committed"));
    }

    static void offsets() throws Exception {
        create("jt-in", 1);
        create("jt-out", 1);
        var tp = new TopicPartition("jt-in", 0);
        produce("jt-in", "a", "b", "c");
        try (var p = begun("jt-offsets"); var c = consumer("group.id", "jt-group")) {
            c.subscribe(List.of("jt-in"));
            List<String> got = new ArrayList<>();
            until(() -> {
                c.poll(Duration.ofMillis(50)).forEach(r -> got.add(r.value()));
                return got.size() == 3;
            });
            p.send(record("jt-out", "abc"));
            p.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(2)), c.groupMetadata());
            p.abortTransaction();
            same(null, admin.listConsumerGroupOffsets("jt-group").partitionsToOffsetAndMetadata().get().get(tp));
            p.beginTransaction();
            p.send(record("jt-out", "ABC"));
            p.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(3)), c.groupMetadata());
            try (var d = consumer("group.id", "jt-group")) { // which asks for stable ones, until there are
                fails(TimeoutException.class, () -> d.committed(Set.of(tp), Duration.ofMillis(1500)));
            }
            p.commitTransaction();
            try (var d = consumer("group.id", "jt-group")) {
                same(3L, d.committed(Set.of(tp)).get(tp).offset());
            }
            p.beginTransaction();
            fails(CommitFailedException.class, () -> {
                p.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(3)), new ConsumerGroupMetadata("jt-group", 99, "nobody", Optional.empty()));
                p.commitTransaction();
            });
            p.abortTransaction();
        }
        same(List.of("ABC"), values("jt-out", "read_committed"));
    }

    static void ended() throws Exception {
        create("jt-end", 1);
        var tp = new TopicPartition("jt-end", 0);
        var p = begun("jt-end-1", "transaction.timeout.ms", 60000);
        p.send(record("jt-end", "x")).get();
        admin.forceTerminateTransaction("jt-end-1").result().get();
        same(1L, until(tp, 2));
        p.close(Duration.ZERO);
        var q = begun("jt-end-2", "transaction.timeout.ms", 1000); // nobody ends it: its time does
        q.send(record("jt-end", "y")).get();
        same(2L, until(tp, 4));
        fails(KafkaException.class, () -> {
            q.send(record("jt-end", "z")).get();
            q.commitTransaction();
        });
        q.close(Duration.ZERO);
        same(List.of(), values("jt-end", "read_committed"));
        try (var r = producer("transactional.id", "jt-end-3", "transaction.timeout.ms", 2_000_000_000)) {
            that(fails(KafkaException.class, r::initTransactions).getMessage().contains("larger than the maximum value"));
        }
    }

    /** Waits for this last stable offset; gives how many records are before it. */
    static long until(TopicPartition tp, long stable) throws Exception {
        until(() -> {
            try {
                return admin.listOffsets(Map.of(tp, OffsetSpec.latest()), new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
                        .all().get().get(tp).offset() == stable;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        return values(tp.topic(), "read_uncommitted").size();
    }

    static void all() {
        check("transactions: committed ones are seen, aborted ones never, at each step", TxnChecks::visibility);
        check("an open transaction holds back who reads committed; it is listed and described", TxnChecks::open);
        check("a second producer fences the first; the admin client fences too", TxnChecks::fenced);
        check("offsets go with their transaction; until then they are unstable", TxnChecks::offsets);
        check("a transaction is ended by an admin, and by its time", TxnChecks::ended);
    }

    public static void main(String[] args) {
        Kit.open(args[0]);
        if (args.length < 2 || args[1].equals("admin"))
            AdminChecks.all();
        if (args.length < 2 || args[1].equals("clients"))
            ClientChecks.all();
        if (args.length < 2 || args[1].equals("transactions"))
            all();
        Kit.admin.close(Duration.ofSeconds(5));
    }
}
