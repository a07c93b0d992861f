/* Inside the real body: the slots of its table that os_threads.c fills. */
#pragma once

#include "os/os.h"

struct os_signal *real_signal_new(struct os *os);
void real_signal_free(struct os *os, struct os_signal *s);
void real_signal_raise(struct os *os, struct os_signal *s);
bool real_signal_wait(struct os *os, struct os_signal *s, int64_t deadline_ns);
enum status real_thread_start(struct os *os, const char *name, void (*run)(void *arg), void *arg,
                              struct os_thread **ret, struct error *err);
void real_thread_join(struct os *os, struct os_thread *t);
void real_work(struct os *os, struct os_work *w);
void real_handle(int number, void (*handler)(int number), int flags); /* sigaction with SA_RESTART */
/* A status and a message for errno `number`: "cannot WHAT 'PATH': …". */
enum status real_error(struct error *err, int number, const char *what, const char *path);
