/* weir doctor: what is wrong with a directory, and what to do about it. Findings are the data; the last line counts them.
 * Damage is exit 4, as it is for who opens the directory; what is merely worth knowing is not. */
#include "cli/cli.h"

#include "engine/doctor.h"
#include "text/text.h"

struct doctor_command {
    struct cli *c;
    struct buf out;
    bool json, ok;
};

static bool put_member(struct buf *out, const char *name, const char *text)
{
    return !text || (buf_printf(out, ",\"%s\":", name) && json_put_string(out, str_from(text)));
}

static bool put_number(struct buf *out, const char *name, int64_t n)
{
    return n < 0 || buf_printf(out, ",\"%s\":%lld", name, (long long)n);
}

static bool put_json(struct buf *out, const struct doctor_finding *f)
{
    return buf_printf(out, "{\"finding\":\"%s\"", f->damage ? "damage" : "note") && put_member(out, "file", f->file) &&
           put_number(out, "byte", f->byte) &&
           (!f->topic.ptr || (buf_printf(out, ",\"topic\":") && json_put_string(out, f->topic))) &&
           put_number(out, "partition", f->partition) && put_number(out, "first_offset", f->first_offset) &&
           put_number(out, "last_offset", f->last_offset) && put_member(out, "what", f->what) &&
           put_member(out, "remedy", f->remedy) && buf_printf(out, "}\n");
}

static bool put_text(struct buf *out, const struct doctor_finding *f)
{
    bool ok = buf_printf(out, "%s: ", f->damage ? "damage" : "note");
    if (f->file)
        ok = ok && buf_printf(out, "%s", f->file) &&
             (f->byte < 0 || buf_printf(out, ", byte %lld", (long long)f->byte)) && buf_printf(out, ": ");
    if (f->topic.ptr)
        ok = ok && buf_printf(out, "topic %.*s, partition %lld", STR_ARG(f->topic), (long long)f->partition) &&
             (f->first_offset < 0 || buf_printf(out, ", offsets %lld to %lld", (long long)f->first_offset,
                                                (long long)f->last_offset)) &&
             buf_printf(out, ": ");
    return ok && buf_printf(out, "%s\n", f->what) && (!f->remedy || buf_printf(out, "    %s\n", f->remedy));
}

/* Each is written when it is found: a large directory takes a while. */
static void found(void *arg, const struct doctor_finding *f)
{
    struct doctor_command *d = arg;
    buf_clear(&d->out);
    d->ok = d->ok && (d->json ? put_json(&d->out, f) : put_text(&d->out, f));
    (void)cli_write(d->c, buf_str(&d->out), NULL); /* noted in pipe_closed */
}

static void say_sum(struct doctor_command *d, const char *dir, const struct doctor_report *r)
{
    char n[4][CLI_TEXT], bytes[CLI_TEXT];
    struct cli *c = d->c;
    bool log = r->kind == DOCTOR_LOG;
    if (d->json) {
        buf_clear(&d->out);
        d->ok = d->ok && buf_printf(&d->out, "{\"directory\":") && json_put_string(&d->out, str_from(dir)) &&
                (log ? buf_printf(&d->out, ",\"kind\":\"log\",\"topics\":%u,\"partitions\":%u,\"segments\":%u,\"bytes\":%llu",
                                  r->topics, r->partitions, r->segments, (unsigned long long)r->bytes)
                     : buf_printf(&d->out, ",\"kind\":\"state\",\"jobs\":%u", r->jobs)) &&
                buf_printf(&d->out, ",\"damages\":%u,\"notes\":%u}\n", r->damages, r->notes);
        (void)cli_write(c, buf_str(&d->out), NULL);
        return;
    }
    if (log)
        cli_print(c, "%s topic%s, %s partition%s, %s segment%s, %s: ", text_count(n[0], r->topics),
                  r->topics == 1 ? "" : "s", text_count(n[1], r->partitions), r->partitions == 1 ? "" : "s",
                  text_count(n[2], r->segments), r->segments == 1 ? "" : "s", text_bytes(bytes, r->bytes));
    else
        cli_print(c, "%s job%s: ", text_count(n[0], r->jobs), r->jobs == 1 ? "" : "s");
    if (r->damages)
        cli_print(c, "%s finding%s of damage\n", text_count(n[3], r->damages), r->damages == 1 ? "" : "s");
    else
        cli_print(c, "no damage\n");
}

int cmd_doctor(struct cli *c)
{
    struct doctor_command d = { .c = c, .ok = true };
    struct doctor_report report;
    struct error err;
    struct str form = args_get(&c->args, O_FORM), dir = arena_str(&c->arena, c->args.rest[0]);
    d.json = form.ptr && str_eq_nocase(form, STR("json"));
    buf_init(&d.out, c->arena.budget, (size_t)1 << 20);
    enum status st = dir.ptr ? doctor_look(c->os, dir.ptr, c->arena.budget, found, &d, &report, &err)
                             : budget_error(c->arena.budget, c->args.rest[0].len, &err);
    if (st == ST_OK)
        say_sum(&d, dir.ptr, &report);
    if (st == ST_OK && !d.ok)
        st = budget_error(c->arena.budget, 0, &err);
    buf_release(&d.out);
    if (st != ST_OK)
        return cli_fail(c, NULL, &err);
    return report.damages ? status_exit_code(ST_CORRUPT) : 0;
}
