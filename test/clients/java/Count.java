import java.time.Duration;
import java.util.*;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

/** Kafka Streams' word count with exactly_once_v2, made to be killed: Count HOST:PORT STATE-DIRECTORY. It repartitions by word,
 *  keeps the counts in a store with a changelog topic, and emits every one of them, so that an output that is the whole
 *  numbers from 1, word by word, has lost and doubled nothing. */
class Count {
    public static void main(String[] args) {
        Properties p = new Properties();
        p.put("application.id", "count");
        p.put("bootstrap.servers", args[0]);
        p.put("state.dir", args[1]);
        p.put("processing.guarantee", "exactly_once_v2");
        p.put("commit.interval.ms", 100);
        p.put("statestore.cache.max.bytes", 0);
        p.put("num.stream.threads", 2);
        p.put("replication.factor", 1);
        p.put("consumer.session.timeout.ms", 6000);
        p.put("consumer.heartbeat.interval.ms", 500);
        p.put("producer.transaction.timeout.ms", 10000);
        p.put("consumer.max.poll.records", 50); // so that a kill finds it at work
        p.put("default.key.serde", Serdes.StringSerde.class.getName());
        p.put("default.value.serde", Serdes.StringSerde.class.getName());
        StreamsBuilder b = new StreamsBuilder();
        b.<String, String>stream("lines")
                .flatMapValues(line -> Arrays.asList(line.split(" ")))
                .groupBy((key, word) -> word)
                .count(Materialized.as("counts"))
                .toStream()
                .to("counts", Produced.with(Serdes.String(), Serdes.Long()));
        KafkaStreams s = new KafkaStreams(b.build(), p);
        s.setStateListener((now, before) -> System.out.println(now));
        s.setUncaughtExceptionHandler(e -> {
            System.out.println("failed: " + e);
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> s.close(Duration.ofSeconds(20))));
        s.start();
    }
}
