/* The journal: layout in journal.h.
 *
 * Replay reads through one window (a buffer that moves forward) and checks record after record. Where a
 * check fails, a second pass looks behind it for the file's mark, at every byte offset, and for a valid
 * record there that vouches for the damaged one. So 64 MiB that a recycled file still has of its older life
 * are searched in milliseconds, and who writes payloads, not knowing the mark, cannot make it slow. Checksums
 * are taken only where length, sequence and `synced` are possible too, and their bytes are counted: a file
 * made to be slow to search is called corrupt when the count is used up, for that changes nothing on the disk.
 *
 * journal_open makes durable what it has replayed before anybody builds on it. Syncing alone would not
 * do: after a failed sync Linux takes the pages for clean. So the records that nobody vouches for (those
 * since the last sync that is known to have succeeded) are written again in place, byte for byte the
 * same, and then synced.
 *
 * A failed append is undone by a truncate; where that fails too, the journal takes no more records. */
#include "journal/journal.h"

#define MAGIC "WEIRJNL1"
#define VERSION 2u
#define HEADER_BYTES 36u
#define MARK_BYTES 4u
#define RECORD_BYTES 28u /* before the payload */
#define CHECKED_FROM 8u  /* behind mark and checksum */
#define WINDOW_BYTES ((size_t)256 << 10)
#define STAGE_BYTES ((size_t)64 << 10)
#define SEARCH_FREE ((uint64_t)64 << 20) /* checksum bytes that the search may take, and 16 a byte of file */

struct journal {
    struct os *os;
    struct os_file *file;
    struct budget *budget;
    uint64_t id, synced;
    uint32_t seed, max_record;
    struct journal_position end;
    enum status broken; /* ST_OK: it takes records */
    uint8_t *stage;     /* STAGE_BYTES, where small parts are joined */
    size_t struct_bytes;
    char path[];
};

/* ---- numbers ---- */

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static void put_u64(uint8_t *at, uint64_t v)
{
    put_u32(at, (uint32_t)v);
    put_u32(at + 4, (uint32_t)(v >> 32));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get_u64(const uint8_t *at) { return get_u32(at) | (uint64_t)get_u32(at + 4) << 32; }

/* ---- reading ---- */

struct scan {
    struct os *os;
    struct os_file *file;
    const char *path;
    uint64_t size;
    uint32_t max_record;
    struct buf window;
    uint64_t window_at;

    uint64_t id, first_sequence;
    uint32_t seed; /* and mark */
    bool recycled;
    /* what replay has found */
    struct journal_position end;
    uint64_t vouched;      /* durable when the newest record was appended */
    uint64_t unvouched_at; /* where the first record behind that one starts */
};

struct record {
    uint32_t crc, length;
    uint64_t sequence, synced;
};

static enum status corrupt(const struct scan *sc, uint64_t offset, struct error *err, const char *what)
{
    error_set(err, ST_CORRUPT, "the journal '%s' is damaged at byte %llu: %s", sc->path, (unsigned long long)offset,
              what);
    error_hint(err, "the file has not been touched: restore it from a copy");
    error_place(err, sc->path, 0, 0, (int64_t)offset);
    return ST_CORRUPT;
}

/* `len` bytes of the file at `offset`, both inside it. They live until the next fetch. */
static enum status fetch(struct scan *sc, uint64_t offset, size_t len, const uint8_t **ret, struct error *err)
{
    if (offset < sc->window_at || offset + len > sc->window_at + sc->window.len) {
        uint64_t left = sc->size - offset;
        size_t want = len > WINDOW_BYTES ? len : WINDOW_BYTES;
        want = want < left ? want : (size_t)left;
        buf_clear(&sc->window);
        if (!buf_reserve(&sc->window, want))
            return budget_error(sc->window.budget ? sc->window.budget : budget_process(), want, err);
        size_t got;
        TRY(os_pread(sc->os, sc->file, sc->window.data, want, offset, &got, err));
        if (got < want)
            return error_set(err, ST_IO, "'%s' has become shorter while it was read", sc->path);
        sc->window.len = want;
        sc->window_at = offset;
    }
    *ret = sc->window.data + (offset - sc->window_at);
    return ST_OK;
}

/* *ret_fits false: the mark is not there, or there is no room for the record that these bytes claim. */
static enum status record_head(struct scan *sc, uint64_t at, struct record *ret, bool *ret_fits, struct error *err)
{
    *ret_fits = false;
    if (sc->size - at < RECORD_BYTES)
        return ST_OK;
    const uint8_t *p;
    TRY(fetch(sc, at, RECORD_BYTES, &p, err));
    *ret = (struct record){ get_u32(p + 4), get_u32(p + 8), get_u64(p + 12), get_u64(p + 20) };
    *ret_fits = get_u32(p) == sc->seed && ret->length <= sc->size - at - RECORD_BYTES && ret->synced < ret->sequence;
    return ST_OK;
}

static enum status record_check(struct scan *sc, uint64_t at, const struct record *r, bool *ret_valid,
                                struct error *err)
{
    const uint8_t *p;
    uint64_t left = (uint64_t)RECORD_BYTES - CHECKED_FROM + r->length;
    uint32_t crc = sc->seed;
    for (at += CHECKED_FROM; left > 0;) {
        size_t n = left < STAGE_BYTES ? (size_t)left : STAGE_BYTES;
        TRY(fetch(sc, at, n, &p, err));
        crc = crc32c(crc, p, n);
        at += n;
        left -= n;
    }
    *ret_valid = crc == r->crc;
    return ST_OK;
}

/* Where at or behind `at` the file's mark stands; the file's length when it does not. */
static enum status find_mark(struct scan *sc, uint64_t at, uint64_t *ret, struct error *err)
{
    uint8_t mark[MARK_BYTES];
    put_u32(mark, sc->seed);
    for (size_t n; sc->size - at >= RECORD_BYTES; at += n - (MARK_BYTES - 1)) {
        const uint8_t *p;
        n = sc->size - at < STAGE_BYTES ? (size_t)(sc->size - at) : STAGE_BYTES;
        TRY(fetch(sc, at, n, &p, err));
        int64_t hit = str_find(str_make(p, n), str_make(mark, sizeof mark), 0);
        if (hit >= 0) {
            *ret = at + (uint64_t)hit;
            return ST_OK;
        }
    }
    *ret = sc->size;
    return ST_OK;
}

/* After damage where record `sequence` should stand: does a valid record behind it prove that it was there? */
static enum status search_proof(struct scan *sc, uint64_t sequence, struct error *err)
{
    uint64_t damaged = sc->end.bytes, at = damaged;
    uint64_t work_left = SEARCH_FREE + 16 * (sc->size - damaged);
    for (;;) {
        TRY(find_mark(sc, at + 1, &at, err));
        if (at == sc->size)
            return ST_OK;
        struct record r;
        bool fits, valid;
        TRY(record_head(sc, at, &r, &fits, err));
        if (!fits || r.sequence <= sequence || r.synced < sequence || r.sequence - sequence > sc->size)
            continue;
        uint64_t work = r.length > WINDOW_BYTES ? (uint64_t)r.length + WINDOW_BYTES : r.length + RECORD_BYTES;
        if (work > work_left)
            return corrupt(sc, damaged, err, "too many possible records stand behind it");
        work_left -= work;
        TRY(record_check(sc, at, &r, &valid, err));
        if (valid)
            return corrupt(sc, damaged, err, "a valid record behind it proves that a durable one stood here");
    }
}

static enum status read_header(struct scan *sc, struct error *err)
{
    struct os_stat st;
    TRY(sc->os->ops->fstat(sc->os, sc->file, &st, err));
    sc->size = st.bytes;
    if (sc->size < HEADER_BYTES)
        return corrupt(sc, sc->size, err, "it is shorter than its header");
    const uint8_t *p;
    TRY(fetch(sc, 0, HEADER_BYTES, &p, err));
    if (memcmp(p, MAGIC, 8) != 0)
        return corrupt(sc, 0, err, "it does not start as a journal does");
    /* The checksum's place is for all versions, so that a newer file is told from a damaged one. */
    sc->seed = crc32c(0, p, HEADER_BYTES - 4);
    sc->id = get_u64(p + 16);
    sc->first_sequence = get_u64(p + 24);
    if (get_u32(p + 32) != sc->seed || sc->first_sequence == 0)
        return corrupt(sc, 8, err, "its header fails its checksum");
    uint32_t version = get_u32(p + 8) & 0xffff;
    sc->recycled = get_u32(p + 8) >> 16;
    if (version != VERSION) {
        error_set(err, ST_MISMATCH, "the journal '%s' has version %u, this program reads %u", sc->path, version,
                  VERSION);
        error_hint(err, "use the program that wrote it, or a newer one");
        error_place(err, sc->path, 0, 0, 8);
        return ST_MISMATCH;
    }
    sc->end = (struct journal_position){ sc->first_sequence - 1, HEADER_BYTES };
    sc->vouched = sc->end.sequence;
    sc->unvouched_at = HEADER_BYTES;
    return ST_OK;
}

static enum status visit_record(struct scan *sc, const struct record *r, journal_visit *visit, void *arg,
                                struct error *err)
{
    if (r->length > sc->max_record) {
        error_set(err, ST_LIMIT, "record %llu of '%s' has %u bytes, allowed are %u", (unsigned long long)r->sequence,
                  sc->path, r->length, sc->max_record);
        error_place(err, sc->path, 0, 0, (int64_t)sc->end.bytes);
        return ST_LIMIT;
    }
    const uint8_t *p = NULL;
    TRY(fetch(sc, sc->end.bytes, RECORD_BYTES + (size_t)r->length, &p, err));
    return visit ? visit(arg, r->sequence, str_make(p + RECORD_BYTES, r->length), err) : ST_OK;
}

/* Visits all valid records in order; sc->end is where the last one ends. */
static enum status replay(struct scan *sc, journal_visit *visit, void *arg, struct error *err)
{
    for (;;) {
        struct record r;
        bool fits, valid = false;
        uint64_t expected = sc->end.sequence + 1;
        TRY(record_head(sc, sc->end.bytes, &r, &fits, err));
        if (fits && r.sequence == expected)
            TRY(record_check(sc, sc->end.bytes, &r, &valid, err));
        if (!valid)
            return sc->size > sc->end.bytes ? search_proof(sc, expected, err) : ST_OK;
        TRY(visit_record(sc, &r, visit, arg, err));
        if (r.synced != sc->vouched) {
            sc->vouched = r.synced;
            sc->unvouched_at = sc->end.bytes;
        }
        sc->end.sequence = r.sequence;
        sc->end.bytes += RECORD_BYTES + (uint64_t)r.length;
    }
}

/* What is left of a record behind the last valid one. */
static enum status torn_bytes(struct scan *sc, uint64_t *ret, struct error *err)
{
    struct record r;
    bool fits = false;
    TRY(record_head(sc, sc->end.bytes, &r, &fits, err));
    *ret = !sc->recycled ? sc->size - sc->end.bytes : fits ? RECORD_BYTES + (uint64_t)r.length : 0;
    return ST_OK;
}

enum status journal_read(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, struct journal_found *ret, struct error *err)
{
    struct scan sc = { .os = os, .path = path, .max_record = max_record };
    uint64_t torn;
    TRY(os_open(os, path, OS_READ, &sc.file, err));
    buf_init(&sc.window, b, (size_t)UINT32_MAX * 2);
    enum status st = read_header(&sc, err);
    if (st == ST_OK)
        st = replay(&sc, visit, arg, err);
    if (st == ST_OK)
        st = torn_bytes(&sc, &torn, err);
    buf_release(&sc.window);
    os_close(os, sc.file);
    if (st == ST_OK && ret)
        *ret = (struct journal_found){ sc.id, sc.end, torn };
    return st;
}

/* ---- opening ---- */

static enum status journal_new(const struct scan *sc, struct budget *b, struct journal **ret, struct error *err)
{
    size_t path_bytes = strlen(sc->path) + 1, bytes = sizeof(struct journal) + path_bytes;
    struct journal *j = mem_calloc(b, bytes);
    if (!j)
        return budget_error(b ? b : budget_process(), bytes, err);
    j->stage = mem_alloc(b, STAGE_BYTES);
    if (!j->stage) {
        mem_free(b, j, bytes);
        return budget_error(b ? b : budget_process(), STAGE_BYTES, err);
    }
    j->os = sc->os;
    j->file = sc->file;
    j->budget = b;
    j->id = sc->id;
    j->seed = sc->seed;
    j->max_record = sc->max_record;
    j->end = sc->end;
    j->synced = sc->end.sequence;
    j->struct_bytes = bytes;
    memcpy(j->path, sc->path, path_bytes);
    *ret = j;
    return ST_OK;
}

/* Cuts the torn tail and makes durable what stays. */
static enum status settle(struct scan *sc, struct error *err)
{
    bool torn = sc->size > sc->end.bytes;
    if (torn)
        TRY(sc->os->ops->truncate(sc->os, sc->file, sc->end.bytes, err));
    sc->size = sc->end.bytes;
    for (uint64_t at = sc->unvouched_at; at < sc->end.bytes;) {
        uint64_t left = sc->end.bytes - at;
        size_t n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        const uint8_t *p;
        TRY(fetch(sc, at, n, &p, err));
        TRY(os_pwrite(sc->os, sc->file, p, n, at, err));
        at += n;
    }
    if (torn || sc->end.bytes > sc->unvouched_at)
        TRY(os_sync(sc->os, sc->file, err));
    return os_sync_parent(sc->os, sc->path, err);
}

enum status journal_open(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, struct journal **ret, struct error *err)
{
    struct scan sc = { .os = os, .path = path, .max_record = max_record };
    struct journal *j = NULL;
    TRY(os_open(os, path, OS_WRITE, &sc.file, err));
    buf_init(&sc.window, b, (size_t)UINT32_MAX * 2);
    enum status st = read_header(&sc, err);
    if (st == ST_OK)
        st = replay(&sc, visit, arg, err);
    if (st == ST_OK)
        st = settle(&sc, err);
    buf_release(&sc.window);
    if (st == ST_OK)
        st = journal_new(&sc, b, &j, err);
    if (st == ST_OK)
        *ret = j;
    else
        os_close(os, sc.file);
    return st;
}

/* *ret: what a replay of the new file would have found. */
static void header_make(struct os *os, const char *path, bool recycled, uint64_t id, uint64_t first_sequence,
                        uint8_t header[HEADER_BYTES], struct scan *ret)
{
    CHECK(first_sequence > 0);
    memcpy(header, MAGIC, 8);
    put_u32(header + 8, VERSION | (uint32_t)recycled << 16);
    os->ops->entropy(os, header + 12, 4);
    put_u64(header + 16, id);
    put_u64(header + 24, first_sequence);
    uint32_t seed = crc32c(0, header, HEADER_BYTES - 4);
    put_u32(header + 32, seed);
    *ret = (struct scan){ .os = os, .path = path, .max_record = INT32_MAX, .id = id, .seed = seed,
                          .end = { first_sequence - 1, HEADER_BYTES } };
}

enum status journal_create(struct os *os, const char *path, uint64_t id, uint64_t first_sequence, struct budget *b,
                           struct journal **ret, struct error *err)
{
    struct os_stat st;
    enum status there = os->ops->stat(os, path, &st, err);
    if (there == ST_OK) {
        error_set(err, ST_EXISTS, "cannot make the journal '%s': it exists", path);
        error_place(err, path, 0, 0, -1);
        return ST_EXISTS;
    }
    if (there != ST_NOT_FOUND)
        return there;
    error_clear(err);
    uint8_t header[HEADER_BYTES];
    struct scan sc;
    header_make(os, path, false, id, first_sequence, header, &sc);
    TRY(os_write_file(os, path, header, sizeof header, err));
    TRY(os_open(os, path, OS_WRITE, &sc.file, err));
    enum status made = journal_new(&sc, b, ret, err);
    if (made != ST_OK)
        os_close(os, sc.file);
    return made;
}

enum status journal_create_beside(struct os *os, const char *path, bool recycle, uint64_t id, uint64_t first_sequence,
                                  struct budget *b, struct journal **ret, struct error *err)
{
    uint8_t header[HEADER_BYTES];
    struct scan sc;
    struct os_file *file;
    struct os_stat old = { 0 };
    TRY(os_open(os, path, OS_CREATE, &file, err));
    enum status st = recycle ? os->ops->fstat(os, file, &old, err) : os->ops->truncate(os, file, 0, err);
    header_make(os, path, old.bytes > 0, id, first_sequence, header, &sc);
    sc.file = file;
    if (st == ST_OK)
        st = os_pwrite(os, file, header, sizeof header, 0, err);
    if (st == ST_OK)
        st = journal_new(&sc, b, ret, err);
    if (st != ST_OK)
        os_close(os, file);
    return st;
}

/* ---- appending ---- */

static enum status broken_error(const struct journal *j, struct error *err)
{
    error_set(err, j->broken, "the journal '%s' has failed before and takes no more records", j->path);
    error_hint(err, "stop, see to the disk, and start again: what was synced is safe");
    error_place(err, j->path, 0, 0, (int64_t)j->end.bytes);
    return j->broken;
}

/* Writes head and parts: small ones joined in the stage, large ones as they are. */
static enum status write_parts(struct journal *j, const struct str *parts, uint32_t count, size_t staged,
                               struct error *err)
{
    uint64_t at = j->end.bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].len > STAGE_BYTES - staged) {
            TRY(os_pwrite(j->os, j->file, j->stage, staged, at, err));
            at += staged;
            staged = 0;
        }
        if (parts[i].len > STAGE_BYTES) {
            TRY(os_pwrite(j->os, j->file, parts[i].ptr, parts[i].len, at, err));
            at += parts[i].len;
        } else if (parts[i].len > 0) {
            memcpy(j->stage + staged, parts[i].ptr, parts[i].len);
            staged += parts[i].len;
        }
    }
    return staged > 0 ? os_pwrite(j->os, j->file, j->stage, staged, at, err) : ST_OK;
}

enum status journal_append(struct journal *j, const struct str *parts, uint32_t count, struct journal_position *ret,
                           struct error *err)
{
    if (j->broken != ST_OK)
        return broken_error(j, err);
    uint64_t length = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].len > j->max_record - length) {
            error_set(err, ST_LIMIT, "a record of the journal '%s' would be longer than %u bytes", j->path,
                      j->max_record);
            error_place(err, j->path, 0, 0, -1);
            return ST_LIMIT;
        }
        length += parts[i].len;
    }
    uint8_t *head = j->stage;
    put_u32(head, j->seed);
    put_u32(head + 8, (uint32_t)length);
    put_u64(head + 12, j->end.sequence + 1);
    put_u64(head + 20, j->synced);
    uint32_t crc = crc32c(j->seed, head + CHECKED_FROM, RECORD_BYTES - CHECKED_FROM);
    for (uint32_t i = 0; i < count; i++)
        crc = parts[i].len > 0 ? crc32c(crc, parts[i].ptr, parts[i].len) : crc;
    put_u32(head + 4, crc);
    enum status st = write_parts(j, parts, count, RECORD_BYTES, err);
    if (st != ST_OK) {
        /* Half a record must not stay: an opening would count it as torn. */
        if (j->os->ops->truncate(j->os, j->file, j->end.bytes, NULL) != ST_OK)
            j->broken = st;
        return st;
    }
    j->end.sequence++;
    j->end.bytes += RECORD_BYTES + length;
    if (ret)
        *ret = j->end;
    return ST_OK;
}

enum status journal_sync(struct journal *j, struct error *err)
{
    if (j->broken != ST_OK)
        return broken_error(j, err);
    if (j->synced == j->end.sequence)
        return ST_OK;
    enum status st = os_sync(j->os, j->file, err);
    if (st == ST_OK)
        j->synced = j->end.sequence;
    else
        j->broken = st;
    return st;
}

bool journal_broken(const struct journal *j) { return j->broken != ST_OK; }
struct journal_position journal_end(const struct journal *j) { return j->end; }
uint64_t journal_id(const struct journal *j) { return j->id; }

void journal_renamed(struct journal *j, const char *path)
{
    size_t len = strlen(path);
    CHECK(len <= strlen(j->path));
    memcpy(j->path, path, len + 1);
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    os_close(j->os, j->file);
    mem_free(j->budget, j->stage, STAGE_BYTES);
    mem_free(j->budget, j, j->struct_bytes);
}
