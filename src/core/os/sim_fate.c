/* What becomes of unsynced changes: at a power loss by the disk's mood, and at a failed sync by coin.
 *
 * SIM_REORDER works as a page cache does: a sector is written back with what it held at some moment since
 * its last sync. So each sector, and each file's size, takes a prefix of its own changes, independent of
 * its neighbours; sectors that a kept size uncovers hold zeros. Changes of names are kept one by one by
 * coin, except that what moves or takes a name needs the name to have come (a journalling file system
 * does not invent files).
 *
 * SIM_TEAR keeps the first n changes of all, and the (n+1)-th up to a sector boundary. What it would have
 * added beyond is missing, zeros or garbage; garbage falls only on sectors that held nothing durable,
 * since a sector is atomic: old or new. A torn truncate, create, rename or unlink happens or does not.
 *
 * The power loss is the test's own act: memory that the budget refuses here is a broken test. */
#include "os/sim_private.h"

struct stops {
    uint8_t *at; /* one a sector: its later changes are lost */
    size_t count;
    uint32_t odds; /* of 256, that a change is the first one lost */
};

static bool lost_from_here(struct sim *s, struct stops *stops, size_t sector)
{
    if (!stops->at[sector])
        stops->at[sector] = sim_below(&s->random_fate, 256) < stops->odds;
    return stops->at[sector];
}

static void reorder_write(struct sim *s, struct stops *stops, struct inode *i, const struct change *c)
{
    uint64_t end = c->offset + c->len;
    for (uint64_t at = c->offset; at < end;) {
        uint64_t sector_end = (at / SECTOR + 1) * SECTOR;
        uint64_t stop = sector_end < end ? sector_end : end;
        if (!lost_from_here(s, stops, (size_t)(at / SECTOR)))
            memcpy(i->durable.data + at, c->data + (at - c->offset), (size_t)(stop - at));
        at = stop;
    }
}

static void reorder_truncate(struct sim *s, struct stops *stops, struct inode *i, const struct change *c)
{
    for (uint64_t at = c->offset; at < i->durable.len;) {
        uint64_t sector_end = (at / SECTOR + 1) * SECTOR;
        uint64_t stop = sector_end < i->durable.len ? sector_end : i->durable.len;
        if (!lost_from_here(s, stops, (size_t)(at / SECTOR)))
            memset(i->durable.data + at, 0, (size_t)(stop - at));
        at = stop;
    }
}

/* Moves some of what is visible of a file into its durable state and drops its changes. */
static void reorder_file(struct sim *s, struct inode *i, uint32_t odds)
{
    uint64_t size = i->durable.len, most = size;
    for (struct change *c = s->changes; c; c = c->next) {
        if (c->inode == i && (c->kind == CHANGE_WRITE || c->kind == CHANGE_TRUNCATE))
            most = c->offset + c->len > most ? c->offset + c->len : most;
    }
    struct stops stops = { .count = (size_t)(most / SECTOR + 1), .odds = odds };
    stops.at = mem_calloc(s->budget, stops.count);
    CHECK(stops.at && image_resize(&i->durable, most));
    bool size_lost = false;
    for (struct change *c = s->changes, *next; c && i->changes > 0; c = next) {
        next = c->next;
        if (c->inode != i || (c->kind != CHANGE_WRITE && c->kind != CHANGE_TRUNCATE))
            continue;
        uint64_t end = c->offset + c->len;
        bool resizes = c->kind == CHANGE_TRUNCATE || end > size;
        if (resizes && !size_lost)
            size_lost = sim_below(&s->random_fate, 256) < odds;
        if (resizes && !size_lost)
            size = end;
        if (c->kind == CHANGE_WRITE)
            reorder_write(s, &stops, i, c);
        else
            reorder_truncate(s, &stops, i, c);
        change_drop(s, c);
    }
    CHECK(image_resize(&i->durable, size));
    mem_free(s->budget, stops.at, stops.count);
}

static void reorder_names(struct sim *s, struct inode *dir, uint32_t odds)
{
    for (struct change *c = change_next_of_names(s->changes), *next; c; c = next) {
        next = change_next_of_names(c->next);
        if (dir && !change_touches(c, dir))
            continue;
        if (sim_below(&s->random_fate, 256) >= odds)
            CHECK(change_apply(s, c));
        change_drop(s, c);
    }
}

void fate_failed_sync(struct sim *s, struct inode *i)
{
    reorder_file(s, i, 128);
    i->differs = i->lost = true;
}

void fate_failed_sync_dir(struct sim *s, struct inode *dir)
{
    reorder_names(s, dir, 128);
    dir->lost = true;
}

static void lose_reorder(struct sim *s)
{
    static const uint32_t odds_table[] = { 32, 96, 160, 224 }; /* from nearly all kept to nearly all lost */
    uint32_t odds = odds_table[sim_below(&s->random_fate, 4)];
    for (struct inode *i = s->inodes; i; i = i->next) {
        if (i->changes > 0)
            reorder_file(s, i, odds);
    }
    reorder_names(s, NULL, odds);
}

static void tear_write(struct sim *s, const struct change *c)
{
    struct buf *b = &c->inode->durable;
    uint64_t end = c->offset + c->len, first = c->offset / SECTOR;
    uint64_t sectors = (end - 1) / SECTOR - first + 1;
    uint64_t kept = sim_below(&s->random_fate, sectors + 1);
    uint64_t kept_end = kept == 0 ? c->offset : (first + kept) * SECTOR;
    kept_end = kept_end < end ? kept_end : end;
    uint64_t old_end = ((uint64_t)b->len + SECTOR - 1) / SECTOR * SECTOR;
    CHECK(image_write(b, c->data, (size_t)(kept_end - c->offset), c->offset));
    uint64_t beyond = sim_below(&s->random_fate, 3); /* 0 missing, 1 zeros, 2 garbage */
    if (beyond == 0 || end <= b->len)
        return;
    CHECK(image_resize(b, end));
    for (uint64_t at = kept_end > old_end ? kept_end : old_end; beyond == 2 && at < end; at++)
        b->data[at] = (uint8_t)sim_draw(&s->random_fate);
}

static void lose_tear(struct sim *s)
{
    uint64_t count = 0;
    for (struct change *c = s->changes; c; c = c->next)
        count++;
    uint64_t keep = sim_below(&s->random_fate, count + 1);
    /* Always from the head: applying or dropping one may free a file and its later changes. */
    for (uint64_t n = 0; s->changes && n < keep; n++) {
        CHECK(change_apply(s, s->changes));
        change_drop(s, s->changes);
    }
    if (!s->changes)
        return;
    if (s->changes->kind == CHANGE_WRITE)
        tear_write(s, s->changes);
    else if (sim_below(&s->random_fate, 2))
        CHECK(change_apply(s, s->changes));
}

/* The visible state becomes what the durable one is. */
static void reload(struct sim *s)
{
    for (struct inode *i = s->inodes; i; i = i->next) {
        if (!i->is_dir && i->differs) {
            CHECK(image_resize(&i->now, 0) && image_write(&i->now, i->durable.data, i->durable.len, 0));
            i->differs = false;
        }
        i->lost = false;
        i->refs++; /* held until the sweep: the loops below take names away */
        i->links = 0;
    }
    for (struct inode *i = s->inodes; i; i = i->next) {
        names_clear(s, &i->names_now);
        for (uint32_t n = 0; n < i->names_durable.count; n++) {
            struct entry *e = &i->names_durable.at[n];
            CHECK(names_set(s, &i->names_now, str_make(e->name, e->len), e->inode));
        }
    }
}

static void reach(struct inode *i, uint32_t depth)
{
    CHECK(depth < 1024);
    i->reached = true;
    for (uint32_t n = 0; n < i->names_now.count; n++) {
        struct inode *child = i->names_now.at[n].inode;
        child->links++;
        if (!child->reached)
            reach(child, depth + 1);
    }
}

/* Files and directories that no name leads to are gone, also rings of directories. */
static void sweep(struct sim *s)
{
    for (struct inode *i = s->inodes; i; i = i->next)
        i->reached = false;
    reach(s->root, 0);
    for (struct inode *i = s->inodes; i; i = i->next) {
        if (!i->reached) {
            names_clear(s, &i->names_now);
            names_clear(s, &i->names_durable);
        }
    }
    for (struct inode *i = s->inodes, *next; i; i = next) {
        next = i->next;
        inode_unref(s, i); /* frees only this one: its names are cleared, or it is reached and stays */
    }
}

void fate_power_loss(struct sim *s, enum sim_mood mood)
{
    CHECK(mood < SIM_MOODS);
    if (mood == SIM_REORDER)
        lose_reorder(s);
    else if (mood == SIM_TEAR)
        lose_tear(s);
    while (s->changes) {
        if (mood == SIM_KEEP)
            CHECK(change_apply(s, s->changes));
        change_drop(s, s->changes);
    }
    reload(s);
    sweep(s);
}
