/* Private to the demo: what is shown, and how. */
#pragma once

#include "cli/cli.h"

/* The job and its data, as they stand in examples/, inside the program (demo_data.c). */
extern const char demo_sql[], demo_sql_end[], demo_csv[], demo_csv_end[];

#define DEMO_REGIONS 256u
#define DEMO_DAYS 16u
#define DEMO_ALERTS 5u
#define DEMO_TEXT 64u

struct demo_row { /* a region or a day */
    char name[DEMO_TEXT];
    int64_t quakes, felt;
    double strongest;
};
struct demo_alert {
    char happened[DEMO_TEXT], place[DEMO_TEXT];
    double mag, depth_km;
};

/* What the rows printed so far add up to. */
struct demo_model {
    struct demo_row regions[DEMO_REGIONS];
    uint32_t n_regions;
    struct demo_row days[DEMO_DAYS];
    uint32_t n_days;
    struct demo_alert alerts[DEMO_ALERTS]; /* the last ones, oldest first */
    uint32_t n_alerts;
    uint64_t all_alerts;
};

/* What a line was. */
enum demo_line { DEMO_OTHER, DEMO_ALERT, DEMO_DAY, DEMO_REGION };

/* A line of the job's output in CSV behind its print-identifier ("region> +U,Alaska,12,4.5"). */
enum demo_line demo_take(struct demo_model *m, struct str line);
/* The same line for people, where there is no terminal to draw on. */
bool demo_say(struct buf *out, struct str line) MUST_USE;
/* The picture, for screen_show. */
struct demo_frame {
    bool colour;
    uint32_t columns;
    const char *status; /* the last line */
    const char *when;   /* event time; may be empty */
};
bool demo_draw(struct buf *out, const struct demo_model *m, const struct demo_frame *f) MUST_USE;
