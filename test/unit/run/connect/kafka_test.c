/* The kafka connector without a cluster: what becomes of 'properties.*', and which table is where. */
#include "kit.h"

#include "connect/kafka/kafka.h"

static struct table_desc *table(struct kit *k, const char *connector, const char *more)
{
    char options[1024];
    snprintf(options, sizeof options, "topic=t|scan.startup.mode=earliest-offset%s%s", *more ? "|" : "", more);
    struct table_desc *t = kit_table(k, connector, "json", options, NULL, 0);
    t->read_row = t->written_row = t->physical;
    t->watermark_column = -1;
    return t;
}

static struct str value(const struct kafka_settings *s, const char *name)
{
    for (uint32_t i = s->n; i-- > 0;)
        if (str_eq(s->at[i].name, str_from(name)))
            return s->at[i].value;
    return (struct str){ NULL, 0 };
}

static void expect(struct kit *k, bool producer, const char *options, const char *name, const char *wanted)
{
    struct kafka_settings s;
    const struct table_desc *t = table(k, "kafka", options);
    OK(kafka_settings_init(&s, t, producer, &k->arena, &kit_error));
    struct str got = value(&s, name);
    if (!wanted ? got.ptr != NULL : !str_eq(got, str_from(wanted)))
        fail_msg("%s: %s is '%.*s'", options, name, STR_ARG(got));
    OK(kit_check(t, &kit_error)); /* librdkafka takes them */
}

static void test_settings(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    expect(&k, false, "properties.fetch.max.wait.ms=50", "fetch.wait.max.ms", "50");
    expect(&k, false, "properties.fetch.min.bytes=5", "fetch.min.bytes", "5");
    expect(&k, true, "properties.buffer.memory=33554432", "queue.buffering.max.kbytes", "32768");
    expect(&k, true, "properties.max.request.size=2000000", "message.max.bytes", "2000000");
    expect(&k, false, "properties.key.deserializer=org.x.Y", "key.deserializer", NULL);
    expect(&k, false, "properties.metrics.num.samples=2", "metrics.num.samples", NULL);
    expect(&k, false, "properties.group.id=g", "group.id", NULL); /* no group is joined */
    expect(&k, false, "properties.ssl.endpoint.identification.algorithm=", "ssl.endpoint.identification.algorithm", "none");
    expect(&k, false, "properties.ssl.truststore.type=PEM|properties.ssl.truststore.location=/a.pem", "ssl.ca.location", "/a.pem");
    expect(&k, false, "properties.ssl.keystore.location=/a.p12", "ssl.keystore.location", "/a.p12");
    expect(&k, true, "", "max.in.flight.requests.per.connection", "1"); /* order without idempotence */
    expect(&k, true, "", "enable.idempotence", "false");
    expect(&k, true, "properties.enable.idempotence=true", "max.in.flight.requests.per.connection", NULL);
    expect(&k, true, "properties.max.in.flight=3", "max.in.flight.requests.per.connection", NULL);
    expect(&k, true, "", "delivery.timeout.ms", "120000");
    expect(&k, true, "properties.delivery.timeout.ms=5000", "delivery.timeout.ms", "5000");
    kit_release(&k);
}

static void test_login(void **state)
{
    (void)state;
    struct kit k;
    struct kafka_settings s;
    kit_init(&k, 1);
    const char *entry = "properties.sasl.mechanism=SCRAM-SHA-256|properties.sasl.jaas.config=org.apache.flink.kafka.shaded.org.apache.kafka.common.security."
                        "scram.ScramLoginModule required username=\"an\\\"n\" password=\"p;=w\";";
    OK(kafka_settings_init(&s, table(&k, "kafka", entry), false, &k.arena, &kit_error));
    assert_true(str_eq(value(&s, "sasl.username"), STR("an\"n")));
    assert_true(str_eq(value(&s, "sasl.password"), STR("p;=w")));
    assert_true(str_eq(value(&s, "sasl.mechanism"), STR("SCRAM-SHA-256")));
    kit_release(&k);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *options, *said;
    } cases[] = {
        { "properties.interceptor.classes=a.B", "interceptor.classes" },
        { "properties.transactional.id=a", "at-least-once" },
        { "properties.isolation.level=committed", "read_committed" },
        { "properties.auto.offset.reset=begin", "earliest" },
        { "properties.default.api.timeout.ms=1", "3600000" },
        { "properties.acks=0", "sink.delivery-guarantee" },
        { "properties.buffer.memory=x", "1024" },
        { "properties.ssl.truststore.location=/a.jks", "ssl.ca.location" },
        { "properties.ssl.keystore.location=/a.jks", "PKCS12" },
        { "properties.sasl.jaas.config=a.b.PlainLoginModule required username=\"a\";", "password" },
        { "properties.sasl.jaas.config=", NULL },
        { "properties.fetch.min.byte=5", "fetch.min.byte" },
        { "properties.fetch.min.bytes=many", "fetch.min.bytes" },
        { "properties.acks=0|sink.delivery-guarantee=none", NULL },
    };
    struct kit k;
    kit_init(&k, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        error_clear(&err);
        enum status st = kit_check(table(&k, "kafka", cases[i].options), &err);
        if (!cases[i].said) {
            assert_int_equal(st, ST_OK);
            continue;
        }
        assert_int_equal(st, ST_SEMANTIC);
        if (!strstr(err.message, cases[i].said) && !strstr(err.hint, cases[i].said))
            fail_msg("%s: %s (%s)", cases[i].options, err.message, err.hint);
    }
    kit_release(&k);
}

/* The command line wins; with both, each name means what it says. */
static void test_place(void **state)
{
    (void)state;
    static const struct {
        const char *connector;
        bool log, brokers, cluster;
    } cases[] = {
        { "topic", false, false, false }, { "topic", true, false, false }, { "topic", false, true, true }, { "topic", true, true, false },
        { "kafka", false, false, true },  { "kafka", true, false, false }, { "kafka", false, true, true }, { "kafka", true, true, true },
        { "upsert-topic", false, true, true }, { "upsert-kafka", true, false, false },
    };
    struct kit k;
    struct connect_log log = { 0 };
    kit_init(&k, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        k.extra.log = cases[i].log ? &log : NULL;
        k.extra.brokers = cases[i].brokers ? STR("b:1") : (struct str){ NULL, 0 };
        assert_int_equal(kafka_in_cluster(table(&k, cases[i].connector, ""), &k.ctx), cases[i].cluster);
    }
    struct kafka_settings s;
    const struct table_desc *t = table(&k, "kafka", "properties.bootstrap.servers=own:1");
    OK(kafka_settings_init(&s, t, false, &k.arena, &kit_error));
    k.extra.brokers = (struct str){ NULL, 0 };
    OK(kafka_brokers(t, &k.ctx, &s, &kit_error));
    assert_true(str_eq(s.brokers, STR("own:1")));
    k.extra.brokers = STR("b:1");
    OK(kafka_brokers(t, &k.ctx, &s, &kit_error));
    assert_true(str_eq(s.brokers, STR("b:1")));
    t = table(&k, "kafka", "");
    k.extra.brokers = (struct str){ NULL, 0 };
    OK(kafka_settings_init(&s, t, false, &k.arena, &kit_error));
    assert_int_equal(kafka_brokers(t, &k.ctx, &s, &kit_error), ST_USAGE);
    kit_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
