/* Inside the real body: the slots of its table that os_threads.c and os_net.c fill, and what they share. */
#pragma once

#include "os/os.h"

struct os_file {
    int fd;
    bool sync_failed;
    size_t struct_bytes;
    char path[];
};

/* os_threads.c: a wake-up that also writes to an eventfd (-1: none). */
struct os_signal *real_signal_with(int event_fd);
bool real_signal_take(struct os_signal *s); /* was it raised? */

struct os_signal *real_signal_new(struct os *os);
void real_signal_free(struct os *os, struct os_signal *s);
void real_signal_raise(struct os *os, struct os_signal *s);
bool real_signal_wait(struct os *os, struct os_signal *s, int64_t deadline_ns);
enum status real_thread_start(struct os *os, const char *name, void (*run)(void *arg), void *arg,
                              struct os_thread **ret, struct error *err);
void real_thread_join(struct os *os, struct os_thread *t);
void real_work(struct os *os, struct os_work *w);
void real_handle(int number, void (*handler)(int number), int flags); /* sigaction with SA_RESTART */
/* os_real.c: a status and a message for errno `number`, with the remedy: "cannot WHAT 'PATH': …". */
enum status real_error(struct error *err, int number, const char *what, const char *path);

enum status real_net_resolve(struct os *os, const char *host, uint16_t port, struct os_addr *ret, uint32_t room,
                             uint32_t *ret_count, struct error *err);
enum status real_net_listen(struct os *os, const struct os_addr *at, struct os_sock **ret, struct error *err);
enum status real_net_accept(struct os *os, struct os_sock *listener, struct os_sock **ret, struct error *err);
enum status real_net_connect(struct os *os, const struct os_addr *to, struct os_sock **ret, struct error *err);
enum status real_net_recv(struct os *os, struct os_sock *s, void *bytes, size_t len, size_t *ret_len, bool *ret_end,
                          struct error *err);
enum status real_net_send(struct os *os, struct os_sock *s, const struct str *pieces, uint32_t count, bool more,
                          size_t *ret_len, struct error *err);
enum status real_net_send_file(struct os *os, struct os_sock *s, struct os_file *f, uint64_t at, size_t len,
                               size_t *ret_len, struct error *err);
void real_net_finish(struct os *os, struct os_sock *s);
void real_net_close(struct os *os, struct os_sock *s);
struct os_addr real_net_local(struct os *os, const struct os_sock *s);
struct os_addr real_net_peer(struct os *os, const struct os_sock *s);
enum status real_poller_new(struct os *os, struct os_poller **ret, struct error *err);
void real_poller_free(struct os *os, struct os_poller *p);
enum status real_poller_add(struct os *os, struct os_poller *p, struct os_sock *s, void *user, struct error *err);
struct os_signal *real_poller_signal(struct os *os, struct os_poller *p);
uint32_t real_poller_wait(struct os *os, struct os_poller *p, int64_t deadline_ns, struct os_event *ret, uint32_t room,
                          bool *ret_raised);
