/* What the checker's tests share. Partition 0 is the job's source, 1 plain, 2 compacted, 3 the copy, 4 the windows, 5 plain and
 * kept for 100 ms. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "check.h"

extern struct history h;
#define IDS(...) ((const uint32_t[]){ __VA_ARGS__ })

struct fact *add(enum fact_kind kind, uint16_t partition);
void begin(void);
void sent(uint16_t partition, uint32_t id, uint32_t txn);
void acked(uint16_t partition, uint32_t id, int64_t offset);
void there(uint16_t partition, uint32_t id, int64_t offset, uint32_t txn);
struct fact *fetched(uint16_t partition, bool committed, int64_t from, int64_t to, const uint32_t *ids);
void window(int64_t offset, int64_t second, int64_t count, int64_t sum);
void txn(enum fact_kind kind, uint32_t id, int64_t a);
void expect(enum fault f);
void offset(enum fact_kind kind, int64_t value, uint32_t id);

/* check_more_test.c */
void test_power(void **state);
void test_found(void **state);
void test_tombstones(void **state);
void test_kept_bytes(void **state);
void test_growth(void **state);
void test_members(void **state);
