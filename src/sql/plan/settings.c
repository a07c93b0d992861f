/* The SET keys: ours, and Flink's as far as scripts set them. What only tunes Flink's runtime is taken and ignored; its
 * help says so. A key that is not here is refused by whoever checks options against this table, with the nearest name.
 */
#include "plan/private.h"

#define IGNORED plan_setting_ignored
#define TUNES(key, kind) { .name = key, .type = kind, .help = IGNORED }

const char plan_setting_ignored[] = "accepted for Flink's sake; has no effect here";

const struct option_spec plan_settings[] = {
    { .name = "table.local-time-zone",
      .type = OPT_STRING,
      .fallback = "UTC",
      .help = "session time zone: a name such as Europe/Berlin, or an offset such as GMT+08:00" },
    { .name = "late.table", .type = OPT_STRING, .help = "table that rows too late for their window are written to" },
    { .name = "json.validate",
      .type = OPT_ENUM,
      .fallback = "full",
      .choices = "full|needed",
      .help = "check whole JSON records, or only the fields that are read" },
    { .name = "pipeline.name", .type = OPT_STRING, .help = "name of the job" },
    { .name = "parallelism.default",
      .type = OPT_INT,
      .fallback = "1",
      .min = -1,
      .max = 64,
      .help = "shards of a job" },
    { .name = "table.exec.resource.default-parallelism",
      .type = OPT_INT,
      .fallback = "-1",
      .min = -1,
      .max = 64,
      .help = "shards of a job" },
    { .name = "table.exec.source.idle-timeout",
      .type = OPT_DURATION,
      .fallback = "0",
      .help = "a split without rows for so long leaves the watermark; 0: never" },
    { .name = "table.exec.source.cdc-events-duplicate",
      .type = OPT_BOOL,
      .fallback = "false",
      .help = "a changelog source may repeat events: normalise it by its primary key" },
    { .name = "table.exec.sink.require-on-conflict",
      .type = OPT_BOOL,
      .fallback = "true",
      .help = "refuse a sink whose primary key is not the query's upsert key" },
    { .name = "table.exec.sink.not-null-enforcer",
      .type = OPT_ENUM,
      .fallback = "ERROR",
      .choices = "ERROR|DROP",
      .help = "a NULL for a NOT NULL column of a sink fails the job, or its row is dropped" },
    { .name = "execution.runtime-mode",
      .type = OPT_ENUM,
      .fallback = "STREAMING",
      .choices = "STREAMING|BATCH|AUTOMATIC",
      .help = IGNORED },
    { .name = "execution.checkpointing.interval", .type = OPT_DURATION, .help = "time between commits" },
    { .name = "execution.state-recovery.path",
      .type = OPT_STRING,
      .help = "folder of --state-dir that INSERTs go on from: what STOP JOB … WITH SAVEPOINT has told" },
    { .name = "execution.savepoint.path", .type = OPT_STRING, .help = "the older name of execution.state-recovery.path" },
    { .name = "execution.attached", .type = OPT_BOOL, .help = IGNORED },
    { .name = "execution.target", .type = OPT_STRING, .help = IGNORED },
    TUNES("execution.checkpointing.*", OPT_STRING),
    TUNES("execution.savepoint.*", OPT_STRING),
    TUNES("execution.state-recovery.*", OPT_STRING),
    TUNES("execution.buffer-timeout", OPT_STRING),
    TUNES("execution.buffer-timeout.*", OPT_STRING),
    TUNES("execution.batch.*", OPT_STRING),
    TUNES("state.*", OPT_STRING),
    TUNES("restart-strategy", OPT_STRING),
    TUNES("restart-strategy.*", OPT_STRING),
    TUNES("taskmanager.*", OPT_STRING),
    TUNES("jobmanager.*", OPT_STRING),
    TUNES("rest.*", OPT_STRING),
    TUNES("metrics.*", OPT_STRING),
    TUNES("client.*", OPT_STRING),
    TUNES("pipeline.*", OPT_STRING),
    { .name = "sql-client.execution.result-mode",
      .type = OPT_ENUM,
      .fallback = "table",
      .choices = "table|changelog|tableau",
      .help = "in weir sql: a result that changes is drawn as a table, or its changes are written" },
    TUNES("sql-client.*", OPT_STRING),
    { .name = "table.dml-sync",
      .type = OPT_BOOL,
      .fallback = "false",
      .help = "in weir sql: an INSERT ends before the next statement begins" },
    TUNES("table.sql-dialect", OPT_STRING),
    TUNES("table.display.*", OPT_STRING),
    TUNES("table.generated-code.*", OPT_STRING),
    TUNES("table.plan.*", OPT_STRING),
    TUNES("table.optimizer.*", OPT_STRING),
    TUNES("table.exec.mini-batch.enabled", OPT_BOOL),
    TUNES("table.exec.mini-batch.allow-latency", OPT_DURATION),
    TUNES("table.exec.mini-batch.size", OPT_INT),
    TUNES("table.exec.state.ttl", OPT_DURATION),
    TUNES("table.exec.async-lookup.*", OPT_STRING),
    TUNES("table.exec.async-state.*", OPT_STRING),
    TUNES("table.exec.async-scalar.*", OPT_STRING),
    TUNES("table.exec.disabled-operators", OPT_STRING),
    TUNES("table.exec.legacy-cast-behaviour", OPT_STRING),
    TUNES("table.exec.legacy-transformation-uids", OPT_BOOL),
    TUNES("table.exec.rank.*", OPT_STRING),
    TUNES("table.exec.deduplicate.*", OPT_STRING),
    TUNES("table.exec.resource.*", OPT_STRING),
    TUNES("table.exec.sink.type-length-enforcer", OPT_STRING),
    TUNES("table.exec.sink.keyed-shuffle", OPT_STRING),
    TUNES("table.exec.sink.rowtime-inserter", OPT_STRING),
    TUNES("table.exec.sink.upsert-materialize", OPT_STRING),
    TUNES("table.exec.sink.upsert-materialize-strategy*", OPT_STRING),
    TUNES("table.exec.shuffle-mode", OPT_STRING),
    TUNES("table.exec.simplify-operator-name-enabled", OPT_BOOL),
    TUNES("table.exec.sort.*", OPT_STRING),
    TUNES("table.exec.spill-compression.*", OPT_STRING),
    TUNES("table.exec.uid.*", OPT_STRING),
    TUNES("table.exec.window-agg.*", OPT_STRING),
    TUNES("table.exec.local-hash-agg.*", OPT_STRING),
    TUNES("table.exec.operator-fusion-codegen.*", OPT_STRING),
};
const uint32_t plan_settings_count = sizeof plan_settings / sizeof *plan_settings;

bool setting_bool(const struct plan_env *env, const char *name)
{
    return option_bool(&env->settings, plan_settings, plan_settings_count, name);
}

int64_t setting_ms(const struct plan_env *env, const char *name)
{
    return option_ms(&env->settings, plan_settings, plan_settings_count, name);
}

struct str setting_str(const struct plan_env *env, const char *name)
{
    return option_str(&env->settings, plan_settings, plan_settings_count, name);
}
