import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;

/** What the checks of the Java client share: a check is a name and a piece of code; it prints ok or not ok. */
class Kit {
    interface Check {
        void run() throws Exception;
    }

    static String at;
    static Admin admin;

    static void open(String address) {
        at = address;
        admin = Admin.create(Map.of("bootstrap.servers", at, "default.api.timeout.ms", 20000, "request.timeout.ms", 15000));
    }

    static void check(String name, Check c) {
        try {
            c.run();
            System.out.println("ok java: " + name);
        } catch (Throwable e) {
            System.out.println("not ok java: " + name);
            System.out.println("#   " + e);
            for (StackTraceElement s : e.getStackTrace())
                if (s.getFileName() != null && s.getClassName().endsWith("Checks"))
                    System.out.println("#   at " + s);
        }
    }

    static void same(Object wanted, Object got) {
        if (!Objects.equals(wanted, got))
            throw new AssertionError("wanted " + wanted + ", got " + got);
    }

    static void that(boolean so) {
        if (!so)
            throw new AssertionError("not so");
    }

    /** The call has to fail with this very class. */
    static <T extends Throwable> T fails(Class<T> wanted, Check c) throws Exception {
        try {
            c.run();
        } catch (Throwable e) {
            Throwable cause = e instanceof ExecutionException || e.getClass() == KafkaException.class && e.getCause() != null
                    ? e.getCause() : e;
            if (wanted.isInstance(cause))
                return wanted.cast(cause);
            throw new AssertionError("wanted " + wanted.getSimpleName() + ", got " + cause, cause);
        }
        throw new AssertionError("wanted " + wanted.getSimpleName() + ", nothing failed");
    }

    static void until(BooleanSupplier so) throws Exception {
        for (long end = System.nanoTime() + 30_000_000_000L; !so.getAsBoolean(); Thread.sleep(20))
            if (System.nanoTime() > end)
                throw new AssertionError("not within 30 s");
    }

    interface Asked<T> {
        T get() throws Exception;
    }

    /** What was changed is seen at once by Weir; Kafka's broker hears of it from its controller a moment later. */
    static <T> void soon(T wanted, Asked<T> asked) throws Exception {
        T got = null;
        for (long end = System.nanoTime() + 10_000_000_000L; System.nanoTime() < end; Thread.sleep(20)) {
            try {
                got = asked.get();
            } catch (java.util.concurrent.ExecutionException e) {
                continue; // a topic that is not known yet
            }
            if (Objects.equals(wanted, got))
                return;
        }
        same(wanted, got);
    }

    static void create(String name, int partitions, String... configs) throws Exception {
        Map<String, String> all = new HashMap<>();
        for (int i = 0; i < configs.length; i += 2)
            all.put(configs[i], configs[i + 1]);
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(all))).all().get();
    }

    static Map<String, Object> config(Object... pairs) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", at));
        for (int i = 0; i < pairs.length; i += 2)
            all.put((String) pairs[i], pairs[i + 1]);
        return all;
    }

    static KafkaProducer<String, String> producer(Object... pairs) {
        return new KafkaProducer<>(config(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... pairs) {
        Map<String, Object> all = config("auto.offset.reset", "earliest", "enable.auto.commit", false);
        all.putAll(config(pairs));
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    static ProducerRecord<String, String> record(String topic, String value) {
        return new ProducerRecord<>(topic, 0, null, value);
    }

    static void produce(String topic, String... values) throws Exception {
        try (var p = producer()) {
            for (String v : values)
                p.send(record(topic, v));
        }
    }

    /** All of partition 0, up to what is its end now for this isolation. */
    static List<ConsumerRecord<String, String>> read(String topic, String isolation) {
        var tp = new TopicPartition(topic, 0);
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        try (var c = consumer("isolation.level", isolation)) {
            c.assign(List.of(tp));
            c.seekToBeginning(List.of(tp));
            long end = c.endOffsets(List.of(tp)).get(tp);
            while (c.position(tp) < end)
                c.poll(Duration.ofMillis(100)).forEach(got::add);
        }
        return got;
    }

    static List<String> values(String topic, String isolation) {
        return read(topic, isolation).stream().map(ConsumerRecord::value).toList();
    }

    static String headers(ConsumerRecord<?, ?> r) {
        StringBuilder all = new StringBuilder();
        for (Header h : r.headers())
            all.append(h.key()).append('=').append(h.value() == null ? "null" : new String(h.value())).append(';');
        return all.toString();
    }
}
